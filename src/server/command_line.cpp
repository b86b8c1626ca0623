// SPDX-License-Identifier: Apache-2.0
#include "server/command_line.h"

#include "server/config_schema.h"
#include "server/duration_text.h"

#include <CLI/CLI.hpp>

#include <sstream>

namespace sanjay::server {
namespace {

constexpr const char* kConfigHelp = "configuration file (TOML, or JSON if it ends in .json)";

/// What --dev changes; whatever is set explicitly, wherever, still wins.
std::vector<Override> development_presets() {
  return {{"http_server.address", "127.0.0.1", "--dev"}, {"client.insecure", "true", "--dev"},
          {"client.allowed_origins", "*", "--dev"},      {"http_api.insecure", "true", "--dev"},
          {"prometheus.enabled", "true", "--dev"},       {"demo.enabled", "true", "--dev"}};
}

/// The options of serve, which the bare program has too. Those that name settings come from the
/// schema; their texts are not judged here.
void add_serve_options(CLI::App& app, CommandLine& line) {
  app.add_option("--config", line.config_path, kConfigHelp)->type_name("FILE");
  app.add_flag_callback(
      "--dev", [&line] { line.presets = development_presets(); },
      "defaults for development: no authentication, loopback only, demonstration page");
  for (const Setting& setting : settings()) {
    if (setting.flag.empty()) continue;
    const std::string flag(setting.flag);
    const std::string help(setting.help);
    const auto give = [&line, &setting](const std::string& text) {
      line.overrides.push_back({setting.path, text, setting.flag});
    };
    Config any;
    if (std::holds_alternative<bool*>(setting.target(any))) {
      app.add_flag_callback(flag, [give] { give("true"); }, help);
    } else {
      app.add_option_function<std::string>(flag, give, help)->type_name("VALUE");
    }
  }
}

void add_gentoken_options(CLI::App& app, CommandLine& line) {
  app.add_option("--user", line.user, "user id, the token's sub; empty: anonymous")
      ->required()
      ->type_name("USER");
  const auto set_ttl = [&line](const std::string& text) {
    line.ttl = text == "-1" ? std::nullopt : parse_duration(text);
    if (line.ttl == core::Duration::zero() || (!line.ttl && text != "-1")) {
      throw CLI::ValidationError(
          "--ttl", "expected a duration such as \"7d\" or \"1h30m\", or -1 for no expiry");
    }
  };
  app.add_option_function<std::string>("--ttl", set_ttl, "how long it is valid; -1: for ever")
      ->type_name("DURATION")
      ->default_str("7d");
  app.add_option("--config", line.config_path, kConfigHelp)->type_name("FILE");
  app.add_flag("-q,--quiet", line.quiet, "print the token alone");
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
  add_gentoken_options(
      *add_command("gentoken",
                   "make a connection token with the configured client.token.hmac_secret_key",
                   Command::GenToken),
      line);
  add_command("genconfig", "write a configuration file with new random secrets", Command::GenConfig)
      ->add_option("--config", line.config_path, "file to write; it must not exist yet")
      ->required()
      ->type_name("FILE");
  add_command("checkconfig", "check a configuration and print it, secrets left out",
              Command::CheckConfig)
      ->add_option("--config", line.config_path, kConfigHelp)
      ->required()
      ->type_name("FILE");
  add_command("configdoc", "print every key with its help as a TOML file of the defaults",
              Command::ConfigDoc);
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
  return line;
}

}  // namespace sanjay::server
