// SPDX-License-Identifier: Apache-2.0
#include "server/command_line.h"

#include "auth/token_signer.h"
#include "server/duration_text.h"
#include "server/setting_flags.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <sstream>
#include <tuple>

namespace sanjay::server {
namespace {

constexpr const char* kConfigHelp =
    "configuration file, whose name ends in .json, .yaml, .yml or .toml; without it config.json, "
    "if "
    "there is one";

/// What --dev changes; whatever is set explicitly, wherever, still wins.
std::vector<Override> development_presets() {
  return {{"http_server.address", "127.0.0.1", "--dev"}, {"client.insecure", "true", "--dev"},
          {"client.allowed_origins", "*", "--dev"},      {"http_api.insecure", "true", "--dev"},
          {"prometheus.enabled", "true", "--dev"},       {"demo.enabled", "true", "--dev"}};
}

void add_config_option(CLI::App& app, std::string& path, const char* help = kConfigHelp) {
  app.add_option("-c,--config", path, help)->type_name("FILE");
}

/// The options of serve, which the bare program has too. Those that name settings come from the
/// schema (setting_flags.h); their texts are not judged here.
void add_serve_options(CLI::App& app, CommandLine& line) {
  add_config_option(app, line.config_path);
  app.add_flag_callback(
      "--dev", [&line] { line.presets = development_presets(); },
      "defaults for development: no authentication, loopback only, demonstration page");
  app.add_flag("--strict", line.is_strict,
               "do not start when something is set that only Centrifugo has");
  for (const SettingFlag& flag : setting_flags()) {
    const auto give = [&line, &flag](const std::string& text) {
      line.overrides.push_back({flag.path, text, flag.shown});
    };
    CLI::Option* option = nullptr;
    if (flag.is_switch) {
      option = app.add_flag_function(
          flag.names, [give](std::int64_t count) { give(count > 0 ? "true" : "false"); },
          std::string(flag.help));
    } else {
      option = app.add_option_function<std::string>(flag.names, give, std::string(flag.help))
                   ->type_name("VALUE");
    }
    if (flag.help.empty()) option->group("");  // not shown
  }
}

/// A duration; or a number of seconds, as Centrifugo has it.
std::optional<core::Duration> ttl_of(const std::string& text) {
  const bool is_number =
      !text.empty() && text.find_first_not_of("0123456789") == text.npos && text.size() < 10;
  return parse_duration(is_number ? text + "s" : text);
}

void add_token_options(CLI::App& app, CommandLine& line) {
  app.add_option("-u,--user", line.user, "user id, the token's sub; without it anonymous")
      ->type_name("USER");
  const auto set_ttl = [&line](const std::string& text) {
    line.ttl = text == "-1" ? std::nullopt : ttl_of(text);
    if (line.ttl == core::Duration::zero() || (!line.ttl && text != "-1")) {
      throw CLI::ValidationError("--ttl",
                                 "expected a duration such as \"7d\" or \"1h30m\", a number of "
                                 "seconds, or -1 for no expiry");
    }
  };
  app.add_option_function<std::string>("-t,--ttl", set_ttl, "how long it is valid; -1: for ever")
      ->type_name("DURATION")
      ->default_str("7d");
  const auto set_algorithm = [&line](const std::string& text) {
    using enum auth::HmacAlgorithm;
    for (const auth::HmacAlgorithm algorithm : {Hs256, Hs384, Hs512}) {
      if (auth::name_of(algorithm) != text) continue;
      line.algorithm = algorithm;
      return;
    }
    throw CLI::ValidationError("--algorithm", "expected HS256, HS384 or HS512");
  };
  app.add_option_function<std::string>("--algorithm", set_algorithm, "HS256, HS384 or HS512")
      ->type_name("NAME")
      ->default_str("HS256");
  add_config_option(app, line.config_path);
  app.add_flag("-q,--quiet", line.quiet, "print the token alone");
}

void add_default_options(CLI::App& app, CommandLine& line) {
  app.add_option("-b,--base", line.base_path, "configuration file whose values to write")
      ->type_name("FILE");
}

using AddCommand = std::function<CLI::App&(const char* name, const char* help, Command)>;

void add_token_commands(const AddCommand& add, CommandLine& line) {
  add_token_options(add("gentoken",
                        "make a connection token with the configured "
                        "client.token.hmac_secret_key",
                        Command::GenToken),
                    line);
  CLI::App& subscription = add("gensubtoken",
                               "make a subscription token with the secret of "
                               "client.subscription_token, if enabled, or of client.token",
                               Command::GenSubToken);
  add_token_options(subscription, line);
  subscription.add_option("-s,--channel", line.channel, "channel")
      ->required()
      ->type_name("CHANNEL");
  for (const auto& [name, help, command] :
       {std::tuple("checktoken", "say whether a connection token is valid and who it is for",
                   Command::CheckToken),
        std::tuple("checksubtoken", "the same for a subscription token", Command::CheckSubToken)}) {
    CLI::App& check = add(name, help, command);
    add_config_option(check, line.config_path);
    check.add_option("token", line.token, "the token")->required()->type_name("TOKEN");
  }
}

void add_config_commands(const AddCommand& add, CommandLine& line) {
  add_config_option(
      add("genconfig", "write a configuration file with new random secrets", Command::GenConfig),
      line.config_path, "file to write, config.json without it; it must not exist yet");
  CLI::App& check = add("checkconfig", "check a configuration and print it, secrets left out",
                        Command::CheckConfig);
  add_config_option(check, line.config_path, "configuration file; without it config.json");
  check.add_flag("-s,--strict", line.is_strict, "something that only Centrifugo has is an error");
  CLI::App& defaults =
      add("defaultconfig", "write a configuration file with every setting", Command::DefaultConfig);
  add_config_option(defaults, line.config_path,
                    "file to write, config.json without it; it must not exist yet");
  add_default_options(defaults, line);
  defaults.add_flag("-d,--dry-run", line.is_dry_run, "print it instead");
  CLI::App& variables = add("defaultenv", "print every setting as a variable of the environment",
                            Command::DefaultEnv);
  add_default_options(variables, line);
  variables.add_flag("--base-non-zero-only", line.is_changed_only,
                     "leave out what has its default");
  CLI::App& doc = add("configdoc", "print every key with its help as a TOML file of the defaults",
                      Command::ConfigDoc);
  doc.add_flag("-m,--markdown", line.is_markdown, "print it as Markdown");
  doc.add_option("-s,--section", line.section, "this section alone, in Markdown")
      ->type_name("SECTION");
  doc.add_flag("--centrifugo", line.is_centrifugo,
               "print what becomes of every key of Centrifugo, as Markdown");
}

/// Throws CLI::ParseError, as its library does.
void parse(CLI::App& app, CommandLine& line, int argc, const char* const* argv) {
  app.require_subcommand(0, 1);
  add_serve_options(app, line);
  const auto add_command = [&](const char* name, const char* help, Command command) {
    CLI::App* subcommand = app.add_subcommand(name, help);
    subcommand->final_callback([&line, command] { line.command = command; });
    return subcommand;
  };
  add_serve_options(
      *add_command("serve", "run the server (also without a command)", Command::Serve), line);
  add_command("version", "print the version", Command::Version);
  const AddCommand add = [&](const char* name, const char* help, Command command) -> CLI::App& {
    return *add_command(name, help, command);
  };
  add_token_commands(add, line);
  add_config_commands(add, line);
  app.parse(argc, argv);
  // The bare program's options are serve's; in front of a command they would be lost.
  const auto options = app.get_options();
  if (!app.get_subcommands().empty() &&
      std::ranges::any_of(options, [](const CLI::Option* option) { return option->count() > 0; })) {
    throw CLI::ArgumentMismatch("options belong behind the command \"" +
                                app.get_subcommands().front()->get_name() + "\"");
  }
}

}  // namespace

core::Result<CommandLine, CommandOutput> parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  CLI::App app("sanjay, a real-time messaging server", "sanjay");
  try {
    parse(app, line, argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = app.exit(error, out, err);
    return std::unexpected(CommandOutput{code == 0 ? 0 : kExitBadUsage, out.str(), err.str()});
  }
  if (!line.section.empty()) line.is_markdown = true;
  return line;
}

}  // namespace sanjay::server
