// SPDX-License-Identifier: Apache-2.0
#include "websocket/permessage_deflate.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sanjay::websocket {
namespace {

constexpr DeflatePolicy kNoTakeover{};
constexpr DeflatePolicy kTakeover{.context_takeover = true, .takeover_window_bits = 12};

/// What is answered: the header's value, "none", or "malformed".
std::string answer_to(std::vector<std::string_view> values, const DeflatePolicy& policy = {}) {
  const auto answer = answer_offers(values, policy);
  if (!answer) return "malformed";
  return *answer ? (*answer)->extension : "none";
}

const std::string kNone =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

TEST(PermessageDeflate, AnswersThePlainOffer) {
  EXPECT_EQ(answer_to({"permessage-deflate"}), kNone);
  EXPECT_EQ(answer_to({"permessage-deflate; client_max_window_bits"}), kNone);
  EXPECT_EQ(answer_to({"permessage-deflate;client_max_window_bits=15"}), kNone);
  EXPECT_EQ(answer_to({"permessage-deflate"}, kTakeover),
            "permessage-deflate; client_no_context_takeover")
      << "nothing bounds the window of a client that does not offer to be told";
  EXPECT_EQ(answer_to({"permessage-deflate; client_max_window_bits"}, kTakeover),
            "permessage-deflate; client_max_window_bits=12");
}

TEST(PermessageDeflate, NothingIsAgreedOnWithoutAnOffer) {
  EXPECT_EQ(answer_to({}), "none");
  EXPECT_EQ(answer_to({""}), "none");
  EXPECT_EQ(answer_to({" , ,"}), "none");
  EXPECT_EQ(answer_to({"permessage-bzip2; x=1, x-webkit-deflate-frame"}), "none");
}

// RFC 7692 §7.1: every combination of the four parameters, under both policies, against the rules
// written once more.
TEST(PermessageDeflate, Section7_1_AnswersEveryCombinationOfParameters) {
  const auto name = [](std::string_view parameter, int bits) {
    if (bits < 0) return std::string();
    std::string out = "; " + std::string(parameter);
    return bits == 0 ? out : out + "=" + std::to_string(bits);
  };
  int combinations = 0;
  for (const DeflatePolicy& policy : {kNoTakeover, kTakeover}) {
    for (const bool server_no : {false, true}) {
      for (const bool client_no : {false, true}) {
        for (const int server_bits : {-1, 8, 9, 10, 11, 12, 13, 14, 15}) {
          for (const int client_bits : {-1, 0, 8, 9, 10, 11, 12, 13, 14, 15}) {
            const std::string offer = "permessage-deflate" +
                                      name("server_no_context_takeover", server_no ? 0 : -1) +
                                      name("client_max_window_bits", client_bits) +
                                      name("server_max_window_bits", server_bits) +
                                      name("client_no_context_takeover", client_no ? 0 : -1);
            ++combinations;
            const std::string_view values[] = {offer};
            const auto answer = answer_offers(values, policy);
            ASSERT_TRUE(answer) << offer;
            if (server_bits == 8) {
              EXPECT_FALSE(*answer) << offer;
              continue;
            }
            ASSERT_TRUE(*answer) << offer;
            const DeflateTerms& terms = (*answer)->terms;
            const bool server_keeps = policy.context_takeover && !server_no;
            const bool client_keeps = policy.context_takeover && !client_no && client_bits >= 0;
            const int asked = server_bits < 0 ? 15 : server_bits;
            const int client_asked = client_bits <= 0 ? 15 : client_bits;
            const int server_window = server_keeps ? std::min(asked, 12) : asked;
            const int client_window = client_keeps ? std::min(client_asked, 12) : 15;
            EXPECT_EQ(terms.server_keeps_context, server_keeps) << offer;
            EXPECT_EQ(terms.client_keeps_context, client_keeps) << offer;
            EXPECT_EQ(terms.server_window_bits, server_window) << offer;
            EXPECT_EQ(terms.client_window_bits, client_window) << offer;
            EXPECT_EQ((*answer)->extension,
                      "permessage-deflate" +
                          name("server_no_context_takeover", server_keeps ? -1 : 0) +
                          name("client_no_context_takeover", client_keeps ? -1 : 0) +
                          name("server_max_window_bits", server_bits < 0 ? -1 : server_window) +
                          name("client_max_window_bits", client_keeps ? client_window : -1))
                << offer;
          }
        }
      }
    }
  }
  EXPECT_EQ(combinations, 720);
}

TEST(PermessageDeflate, Section7_DeclinesAnOfferWithAnUnknownParameter) {
  EXPECT_EQ(answer_to({"permessage-deflate; turbo"}), "none");
  EXPECT_EQ(answer_to({"permessage-deflate; turbo=1; client_max_window_bits"}), "none");
  EXPECT_EQ(answer_to({"permessage-deflate; Server_No_Context_Takeover"}), "none");
}

TEST(PermessageDeflate, Section7_DeclinesAnOfferThatRepeatsAParameter) {
  for (const std::string_view parameter :
       {"server_no_context_takeover", "client_no_context_takeover", "client_max_window_bits",
        "client_max_window_bits=10", "server_max_window_bits=10"}) {
    const std::string twice =
        "permessage-deflate; " + std::string(parameter) + "; " + std::string(parameter);
    EXPECT_EQ(answer_to({twice}), "none") << twice;
  }
  EXPECT_EQ(answer_to({"permessage-deflate; client_max_window_bits; client_max_window_bits=9"}),
            "none");
}

TEST(PermessageDeflate, Section7_DeclinesAnOfferWithAWrongValue) {
  for (const std::string_view parameter :
       {"server_no_context_takeover=1", "server_no_context_takeover=true",
        "client_no_context_takeover=10", "server_max_window_bits", "server_max_window_bits=7",
        "server_max_window_bits=16", "server_max_window_bits=010", "server_max_window_bits=1",
        "server_max_window_bits=-9", "server_max_window_bits=ten", "client_max_window_bits=7",
        "client_max_window_bits=16", "client_max_window_bits=08",
        "client_max_window_bits=99999999999"}) {
    const std::string offer = "permessage-deflate; " + std::string(parameter);
    EXPECT_EQ(answer_to({offer}), "none") << offer;
    EXPECT_EQ(answer_to({offer + ", permessage-deflate"}), kNone) << "the next offer will do";
  }
}

TEST(PermessageDeflate, Section5_TheFirstAcceptableOfferWins) {
  EXPECT_EQ(answer_to({"permessage-deflate; server_max_window_bits=10, permessage-deflate"}),
            kNone + "; server_max_window_bits=10");
  EXPECT_EQ(answer_to({"x, permessage-deflate; server_max_window_bits=8 ,, permessage-deflate; "
                       "server_max_window_bits=9"}),
            kNone + "; server_max_window_bits=9");
  EXPECT_EQ(answer_to({"x; y=z", "permessage-deflate; server_max_window_bits=11",
                       "permessage-deflate; server_max_window_bits=12"}),
            kNone + "; server_max_window_bits=11")
      << "in several headers";
}

TEST(PermessageDeflate, ReadsQuotedValues) {
  EXPECT_EQ(answer_to({R"(permessage-deflate; server_max_window_bits="10")"}),
            kNone + "; server_max_window_bits=10");
  EXPECT_EQ(answer_to({R"(permessage-deflate; server_max_window_bits="1\0")"}),
            kNone + "; server_max_window_bits=10");
  EXPECT_EQ(answer_to({R"(x; y="permessage-deflate")"}), "none");
}

TEST(PermessageDeflate, TakesSpacesWhereTheyMayStand) {
  EXPECT_EQ(
      answer_to({"  permessage-deflate\t; \tserver_max_window_bits=10  ;client_max_window_bits "
                 ", x "}),
      kNone + "; server_max_window_bits=10");
}

TEST(PermessageDeflate, Section9_1_AMalformedHeaderIsAnError) {
  for (const std::string_view value :
       {"permessage-deflate;", "permessage-deflate; =", "permessage-deflate; a=",
        "permessage-deflate; a = 1", "permessage-deflate x", ";", "=", "permessage-deflate; a=\"",
        "permessage-deflate; a=\"1", "permessage-deflate; a=\"\"", "permessage-deflate; a=\"x y\"",
        "permessage-deflate; a=\"1,2\"", "permessage-deflate; a=\"1\"2",
        "permessage-deflate; a=\"\\", "permessage-deflate, @", "permessage-deflate\x7f", "a b",
        "permessage-deflate;;a"}) {
    EXPECT_EQ(answer_to({value}), "malformed") << value;
    EXPECT_EQ(answer_to({"permessage-deflate", value}), "malformed") << value;
  }
}

}  // namespace
}  // namespace sanjay::websocket
