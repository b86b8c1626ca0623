// SPDX-License-Identifier: Apache-2.0
#include "server/channel_settings.h"
#include "server/commands.h"
#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace sanjay::server {
namespace {

using testing::HasSubstr;
using testing::Not;

class GenConfig : public testing::Test {
 protected:
  GenConfig() { std::filesystem::create_directories(folder_); }
  ~GenConfig() override { std::filesystem::remove_all(folder_); }

  std::string path(const char* name) const { return folder_ + "/" + name; }
  static CommandOutput run(Command command, const std::string& path) {
    CommandLine line;
    line.command = command;
    line.config_path = path;
    return run_command(line, {}, {});
  }
  static std::string text_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const std::string folder_ = testing::TempDir() + "sanjay_genconfig_" +
                              testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(GenConfig, OnlyItsOwnerMayReadTheFile) {
  const mode_t before = umask(0);
  const CommandOutput output = run(Command::GenConfig, path("sanjay.toml"));
  umask(before);
  EXPECT_EQ(output.exit_code, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr(path("sanjay.toml")));
  struct stat status{};
  ASSERT_EQ(stat(path("sanjay.toml").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, static_cast<mode_t>(S_IRUSR | S_IWUSR));
}

TEST_F(GenConfig, AFileThatIsThereStaysAsItIs) {
  std::ofstream(path("mine.toml")) << "# mine\n";
  const CommandOutput output = run(Command::GenConfig, path("mine.toml"));
  EXPECT_EQ(output.exit_code, kExitBadUsage);
  EXPECT_THAT(output.err, HasSubstr(path("mine.toml")));
  EXPECT_EQ(text_of(path("mine.toml")), "# mine\n");

  // Nor is a link followed to where nothing is yet: somebody else may have put it there.
  std::filesystem::create_symlink(path("elsewhere.toml"), path("link.toml"));
  EXPECT_EQ(run(Command::GenConfig, path("link.toml")).exit_code, kExitBadUsage);
  EXPECT_FALSE(std::filesystem::exists(path("elsewhere.toml")));

  EXPECT_EQ(run(Command::GenConfig, path("no/such/folder.toml")).exit_code, kExitBadUsage);
}

TEST_F(GenConfig, ANameOfNoFormatIsRefused) {
  EXPECT_EQ(run(Command::GenConfig, path("sanjay.conf")).exit_code, kExitBadUsage);
  EXPECT_FALSE(std::filesystem::exists(path("sanjay.conf")));
}

class GenConfigFormats : public GenConfig, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Formats, GenConfigFormats,
                         testing::Values("sanjay.toml", "sanjay.json", "sanjay.yaml"));

TEST_P(GenConfigFormats, TheFileIsGoodAndKeepsItsSecrets) {
  ASSERT_EQ(run(Command::GenConfig, path(GetParam())).exit_code, 0);
  const auto file = read_config_file(path(GetParam()));
  ASSERT_TRUE(file);
  ConfigSources sources;
  sources.file = &*file;
  const auto config = load_config(sources);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->warnings, testing::IsEmpty());
  EXPECT_TRUE(config->channel.without_namespace.allow_subscribe_for_client);
  EXPECT_FALSE(config->client.insecure);
  EXPECT_FALSE(config->http_api.insecure);

  const CommandOutput checked = run(Command::CheckConfig, path(GetParam()));
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  for (const std::string& secret : {config->client.token.hmac_secret_key, config->http_api.key}) {
    EXPECT_GE(secret.size(), 43U);  // 32 bytes in base64url
    EXPECT_THAT(checked.out + checked.err, Not(HasSubstr(secret)));
  }
}

TEST_F(GenConfig, TheNamespaceInItsCommentIsGood) {
  ASSERT_EQ(run(Command::GenConfig, path("sanjay.toml")).exit_code, 0);
  std::string text = text_of(path("sanjay.toml"));
  const std::string example = commented(kExampleNamespace);
  const std::size_t at = text.find(example);
  ASSERT_NE(at, text.npos);
  text.replace(at, example.size(), kExampleNamespace);
  const ConfigFile file{"sanjay.toml", text};
  const auto config = load_config({{}, &file, {}, {}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->channel.namespaces.size(), 1U);
  EXPECT_THAT(config->warnings, testing::IsEmpty());
}

TEST_F(GenConfig, EverySecretIsAnother) {
  std::set<std::string> secrets;
  for (const char* name : {"one.toml", "two.toml", "three.toml"}) {
    ASSERT_EQ(run(Command::GenConfig, path(name)).exit_code, 0);
    const auto file = read_config_file(path(name));
    ASSERT_TRUE(file);
    ConfigSources sources;
    sources.file = &*file;
    const auto config = load_config(sources);
    ASSERT_TRUE(config);
    secrets.insert(config->client.token.hmac_secret_key);
    secrets.insert(config->http_api.key);
  }
  EXPECT_EQ(secrets.size(), 6U);
}

}  // namespace
}  // namespace sanjay::server
