#include "plugin/host/manifest.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "common/codec/hex.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::host {
namespace {

TEST_CASE("the manifest has what lightningd demands of it") {
    const Manifest manifest{
        {{"x-option", "int", 600, "Seconds (default: 600)"}, {"x-moving", "int", 1, "One (default: 1)", true}},
        {"block_added"},
        {"htlc_accepted"}};
    const std::vector<Command> commands{{"x-do", {{"this", true}, {"that"}}, {}}};
    CHECK(boost::json::serialize(to_json(manifest, commands)) ==
          R"~({"options":[{"name":"x-option","type":"int","default":600,"description":"Seconds (default: 600)"},)~"
          R"~({"name":"x-moving","type":"int","default":1,"description":"One (default: 1)","dynamic":true}],)~"
          R"~("rpcmethods":[{"name":"x-do","usage":"this [that]"}],"subscriptions":["block_added"],)~"
          R"~("hooks":[{"name":"htlc_accepted"}],"dynamic":true,"nonnumericids":true,"cancheck":true})~");
}

TEST_CASE("init is read as lightningd sends it") {
    const auto init = parse_init(boost::json::parse(R"({"options":{"millrace-socket":"m.sock"},"configuration":{
        "lightning-dir":"/home/node3/.lightning/regtest","rpc-file":"lightning-rpc","startup":false,"network":"regtest",
        "feature_set":{"init":"800898880a8a59a1","invoice":"02000002024100","channel":""}}})"));
    REQUIRE(init);
    CHECK(init->lightning_dir == "/home/node3/.lightning/regtest");
    CHECK(init->rpc_file == "lightning-rpc");
    CHECK(init->network == "regtest");
    CHECK(codec::to_hex(init->invoice_features) == "02000002024100");
    CHECK(init->options.at("millrace-socket") == "m.sock");
    CHECK_FALSE(
        parse_init(boost::json::parse(R"({"options":{},"configuration":{"rpc-file":"x","network":"regtest"}})")));
    CHECK_FALSE(parse_init(boost::json::parse("[]")));
}

}  // namespace
}  // namespace millrace::host
