#include "plugin/host/plugin_host.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <stdexcept>

#include "plugin/host/signal.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/plugin/transcripts.hpp"

namespace millrace::host {
namespace {

namespace asio = boost::asio;
namespace bj = boost::json;

asio::awaitable<CommandReply> echo(std::string text) {
    co_return bj::object{{"text", text}};
}
asio::awaitable<CommandReply> refuse() {
    co_return gateway::RpcError{4021, "no"};
}
asio::awaitable<CommandReply> explode() {
    throw std::runtime_error("boom");
    co_return bj::object{};
}

// A host between two pipes, with the test as its lightningd.
struct Host {
    asio::io_context io{1};
    std::array<int, 2> to_plugin{}, from_plugin{};
    std::function<void(HookTicket, const bj::value&)> on_htlc = [](HookTicket ticket, const bj::value&) {
        ticket.answer(HookFail{Msat(1), 2});
    };
    std::vector<std::string> topics;
    std::vector<bool> closings;
    std::optional<Unfit> unfit;
    std::vector<std::string> changes;
    std::string misconfigured;
    std::unique_ptr<PluginHost> host;

    Host() {
        REQUIRE(::pipe2(to_plugin.data(), O_CLOEXEC) == 0);
        REQUIRE(::pipe2(from_plugin.data(), O_CLOEXEC | O_NONBLOCK) == 0);
        std::vector<Command> commands{
            {"x-echo",
             {{"text", true}},
             [](Arguments& in) -> Prepared { return Job([text = in.text("text")] { return echo(text); }); }},
            {"x-refuse", {}, [](Arguments&) -> Prepared { return Job([] { return refuse(); }); }},
            {"x-explode", {}, [](Arguments&) -> Prepared { return Job([] { return explode(); }); }},
            {"x-binary", {}, [](Arguments&) -> Prepared { return Job([] { return echo("\xff"); }); }}};
        host = std::make_unique<PluginHost>(
            io.get_executor(), to_plugin[0], from_plugin[1], Manifest{{}, {}, {"htlc_accepted"}}, std::move(commands),
            PluginHost::Callbacks{
                [this](const InitMessage&) { return unfit; },
                [this](std::string_view option, std::string_view value, bool only_check) -> std::optional<std::string> {
                    if (value == "wrong") return std::string(option) + ": wrong";
                    if (!only_check) changes.emplace_back(std::string(option) + "=" + std::string(value));
                    return std::nullopt;
                },
                [this](HookTicket ticket, const bj::value& params) { on_htlc(std::move(ticket), params); },
                [this](std::string_view topic, const bj::value&) { topics.emplace_back(topic); },
                [this](bool gone) { closings.push_back(gone); },
                [this](const std::string& reason) { misconfigured = reason; }});
        host->start();
    }
    ~Host() {
        host.reset();
        if (to_plugin[1] >= 0) ::close(to_plugin[1]);
        ::close(from_plugin[0]);
    }

    // Until there is nothing left to do.
    void run() {
        do io.restart();
        while (io.poll() > 0);
    }

    std::string read() {
        std::string out;
        std::array<char, 65536> buffer{};
        ssize_t size = 0;
        while ((size = ::read(from_plugin[0], buffer.data(), buffer.size())) > 0)
            out.append(buffer.data(), static_cast<std::size_t>(size));
        return out;
    }

    std::string tell(const std::string& message) {
        const std::string framed = message + "\n\n";
        REQUIRE(::write(to_plugin[1], framed.data(), framed.size()) == static_cast<ssize_t>(framed.size()));
        run();
        return read();
    }
};

std::string call(const std::string& method, const std::string& params) {
    return R"({"jsonrpc":"2.0","id":"cli\/x#1/cln:)" + method + R"(#2","method":")" + method + R"(","params":)" +
           params + "}";
}
std::string result(const std::string& method, const std::string& value) {
    return R"({"jsonrpc":"2.0","id":"cli\/x#1/cln:)" + method + R"(#2","result":)" + value + "}\n\n";
}
std::string error(const std::string& method, const std::string& value) {
    return R"({"jsonrpc":"2.0","id":"cli\/x#1/cln:)" + method + R"(#2","error":)" + value + "}\n\n";
}

const std::string go_on_2501 = R"({"jsonrpc":"2.0","id":"cln:htlc_accepted#2501","result":{"result":"continue"}})"
                               "\n\n";
const std::string go_on_2242 = R"({"jsonrpc":"2.0","id":"cln:htlc_accepted#2242","result":{"result":"continue"}})"
                               "\n\n";

TEST_CASE("requests are answered under the very id they came with") {
    Host host;
    CHECK(host.tell(call("getmanifest", R"({"allow-deprecated-apis":false})"))
              .starts_with(R"({"jsonrpc":"2.0","id":"cli\/x#1/cln:getmanifest#2","result":{"options":[])"));
    CHECK(host.tell(call("x-echo", R"(["hi"])")) == result("x-echo", R"({"text":"hi"})"));
    CHECK(host.tell(call("x-refuse", "{}")) == error("x-refuse", R"({"code":4021,"message":"no"})"));
}

TEST_CASE("parameters are checked before anything runs, and by check alone") {
    Host host;
    CHECK(host.tell(call("x-echo", "[]")) ==
          error("x-echo", R"({"code":-32602,"message":"missing required parameter: text"})"));
    CHECK(host.tell(call("check", R"(["x-echo","hi"])")) == result("check", R"({"command_to_check":"x-echo"})"));
    CHECK(host.tell(call("check", R"({"command_to_check":"x-echo","text":"hi"})")) ==
          result("check", R"({"command_to_check":"x-echo"})"));
    CHECK(host.tell(call("check", R"(["x-echo"])")) ==
          error("check", R"({"code":-32602,"message":"missing required parameter: text"})"));
    CHECK(host.tell(call("check", R"(["x-explode"])")) == result("check", R"({"command_to_check":"x-explode"})"));
    CHECK(host.tell(call("check", "[]")) ==
          error("check", R"({"code":-32602,"message":"missing required parameter: command_to_check"})"));
    CHECK(host.tell(call("nothing", "{}")) ==
          error("nothing", R"({"code":-32601,"message":"Unknown command 'nothing'"})"));
}

TEST_CASE("N11: a command's parameters are read with blank lines between their tokens") {
    Host host;
    CHECK(host.tell(call("x-echo", "{\n\n\"text\"\n\n:\n\n\"hi\"\n\n}")) == result("x-echo", R"({"text":"hi"})"));
    CHECK(host.tell(call("x-echo", "[\r\n\r\n\"hi\"\n\n]")) == result("x-echo", R"({"text":"hi"})"));
}

TEST_CASE("a command that throws is answered with an error, and the log says why") {
    Host host;
    const std::string said = host.tell(call("x-explode", "{}"));
    CHECK(said.find(R"("method":"log","params":{"level":"error","message":"a command failed: boom"})") !=
          std::string::npos);
    CHECK(said.find(R"("error":{"code":-1)") != std::string::npos);
}

TEST_CASE("nothing but valid UTF-8 leaves") {
    Host host;
    CHECK(host.tell(call("x-binary", "{}")) == result("x-binary", "{\"text\":\"\xef\xbf\xbd\"}"));
}

TEST_CASE("a configuration that will not do disables the plugin politely") {
    Host host;
    const std::string init =
        R"({"options":{},"configuration":{"lightning-dir":"/x","rpc-file":"r","network":"regtest"}})";
    CHECK(host.tell(call("init", init)) == result("init", "{}"));
    host.unfit = Unfit{Unfit::Kind::disabled, "expiry too short"};
    const std::string said = host.tell(call("init", init));
    CHECK(said.ends_with(result("init", R"({"disable":"expiry too short"})")));
    CHECK(said.find(R"("level":"warn","message":"millrace does not run: expiry too short")") != std::string::npos);
    CHECK(host.tell(call("init", "{}")).find(R"("result":{"disable":")") != std::string::npos);
}

TEST_CASE("N2: a wrong option is told aloud, and init is not answered") {
    Host host;
    host.unfit = Unfit{Unfit::Kind::wrong_option, "x=1: must be from 2 to 3"};
    const std::string init =
        R"({"options":{},"configuration":{"lightning-dir":"/x","rpc-file":"r","network":"regtest"}})";
    CHECK(
        host.tell(call("init", init)) ==
        R"({"jsonrpc":"2.0","method":"log","params":{"level":"error","message":"millrace does not run: x=1: must be from 2 to 3"}})"
        "\n\n");
    CHECK(host.misconfigured == "x=1: must be from 2 to 3");
}

TEST_CASE("N10: setconfig changes a dynamic option, and check only asks") {
    Host host;
    CHECK(host.tell(call("check", R"({"command_to_check":"setconfig","config":"x","val":"7"})")) ==
          result("check", R"({"command_to_check":"setconfig"})"));
    CHECK(host.changes.empty());
    CHECK(host.tell(call("setconfig", R"({"config":"x","val":"7"})")) == result("setconfig", "{}"));
    CHECK(host.changes == std::vector<std::string>{"x=7"});
    for (const char* method : {"setconfig", "check"}) {
        const std::string command = std::string(method) == "check" ? R"("command_to_check":"setconfig",)" : "";
        CHECK(host.tell(call(method, "{" + command + R"("config":"x","val":"wrong"})")) ==
              error(method, R"({"code":-32602,"message":"x: wrong"})"));
        for (const char* odd :
             {R"("config":"x")", R"("config":"x","val":7)", R"("config":"x","val":["7"])", R"("val":"7")"})
            CHECK(host.tell(call(method, "{" + command + odd + "}")).find("-32602") != std::string::npos);
    }
    CHECK(host.changes.size() == 1);
}

TEST_CASE("N10: a filter applies to a command's result, and to nothing else") {
    Host host;
    const auto filtered = [&](const std::string& method, const std::string& params, const std::string& filter) {
        std::string message = call(method, params);
        message.insert(message.size() - 1, R"(,"filter":)" + filter);
        return host.tell(message);
    };
    CHECK(filtered("x-echo", R"(["hi"])", R"({"text":true})") == result("x-echo", R"({"text":"hi"})"));
    CHECK(filtered("x-echo", R"(["hi"])", R"({"other":true})") == result("x-echo", "{}"));
    CHECK(filtered("x-refuse", "{}", R"({"other":true})") == error("x-refuse", R"({"code":4021,"message":"no"})"));
    CHECK(filtered("x-echo", R"(["hi"])", "7") ==
          error("x-echo", R"({"code":-32602,"message":"filter: Expected object: invalid token '7'"})"));
}

TEST_CASE("a forward is let pass without being looked at") {
    Host host;
    host.on_htlc = [](const HookTicket&, const bj::value&) { FAIL("it was looked at"); };
    CHECK(host.tell(test::htlc_accepted_forward()) == go_on_2501);
    // Not even JSON is asked for behind the head, as long as it ends.
    CHECK(host.tell(R"({"jsonrpc":"2.0","id":"cln:htlc_accepted#2501","method":"htlc_accepted","params":{{]}})") ==
          go_on_2501);
    CHECK(host.host->latency().passed.count() == 2);
    CHECK(host.host->latency().claimed.count() == 0);
}

TEST_CASE("an HTLC with a secret goes to its handler, and a handler that throws or forgets lets it go") {
    Host host;
    CHECK(
        host.tell(test::htlc_accepted_final()) ==
        R"({"jsonrpc":"2.0","id":"cln:htlc_accepted#2242","result":{"result":"fail","failure_message":"400f000000000000000100000002"}})"
        "\n\n");
    host.on_htlc = [](const HookTicket&, const bj::value&) {};
    CHECK(host.tell(test::htlc_accepted_final()) == go_on_2242);
    host.on_htlc = [](HookTicket ticket, const bj::value&) {
        const HookTicket kept = std::move(ticket);
        throw std::runtime_error("boom");
    };
    CHECK(host.tell(test::htlc_accepted_final()).starts_with(go_on_2242));
    // Neither JSON nor params: still an answer, and a valid one.
    host.on_htlc = [](const HookTicket&, const bj::value&) { FAIL("there was nothing to hand over"); };
    for (const char* broken :
         {R"("params":{"payment_secret"}})", R"("x":{"payment_secret":1}})", R"("params":[{]"payment_secret"]})"}) {
        INFO(broken);
        const std::string said = host.tell(
            R"({"jsonrpc":"2.0","id":"cln:htlc_accepted#2242","method":"htlc_accepted",)" + std::string(broken));
        CHECK(said.starts_with(go_on_2242));
        CHECK(said.find("\"result\":{\"result\"", go_on_2242.size()) == std::string::npos);
    }
    CHECK(host.host->outstanding_hooks() == 0);
}

TEST_CASE("what is no message at all is survived") {
    Host host;
    for (const char* noise : {"noise", "[]", "{}", R"({"id":1})", "\xff\xff"})
        CHECK(host.tell(noise).find("\"error\"") == std::string::npos);
    CHECK(host.tell(R"({"jsonrpc":"2.0","id":"1","method":"x-echo"})") ==
          R"({"jsonrpc":"2.0","id":"1","error":{"code":-32600,"message":"no params, or not JSON"}})"
          "\n\n");
    CHECK(host.tell(call("x-echo", R"(["alive"])")) == result("x-echo", R"({"text":"alive"})"));
}

TEST_CASE("notifications are handed on by their topic") {
    Host host;
    CHECK(host.tell(R"({"jsonrpc":"2.0","method":"block_added","params":{"block_added":{"hash":"00","height":109}}})")
              .empty());
    CHECK(host.tell(R"({"jsonrpc":"2.0","method":"block_added","params":{"other":1}})").empty());
    CHECK(host.topics == std::vector<std::string>{"block_added"});
}

TEST_CASE("shutdown and the end of the stream are both told, the latter as such") {
    Host host;
    CHECK(host.tell(R"({"jsonrpc":"2.0","method":"shutdown","params":{"shutdown":{}}})").empty());
    CHECK(host.closings == std::vector<bool>{false});
    ::close(std::exchange(host.to_plugin[1], -1));
    host.run();
    CHECK(host.closings == std::vector<bool>{false, true});
}

TEST_CASE("ten thousand forwards at once are all answered, in order, though the pipe fills") {
    Host host;
    std::string stream;
    for (int i = 0; i < 10'000; ++i) {
        stream += R"({"jsonrpc":"2.0","id":"cln:htlc_accepted#)" + std::to_string(i) +
                  R"(","method":"htlc_accepted","params":{}})"
                  "\n\n";
    }
    ::fcntl(host.to_plugin[1], F_SETFL, O_NONBLOCK);
    std::string said;
    for (std::size_t sent = 0; sent < stream.size() || host.host->latency().all.count() < 10'000;) {
        const ssize_t size = ::write(host.to_plugin[1], stream.data() + sent, stream.size() - sent);
        if (size > 0) sent += static_cast<std::size_t>(size);
        host.run();
        said += host.read();
    }
    said += host.read();
    std::string expected;
    for (int i = 0; i < 10'000; ++i) {
        expected += R"({"jsonrpc":"2.0","id":"cln:htlc_accepted#)" + std::to_string(i) +
                    R"(","result":{"result":"continue"}})"
                    "\n\n";
    }
    CHECK(said == expected);
}

}  // namespace
}  // namespace millrace::host
