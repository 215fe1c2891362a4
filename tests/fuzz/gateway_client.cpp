// The service's side of the gateway protocol: whatever the other side says, every request for a challenge is answered
// exactly once, and what is sent are whole lines of JSON.
//
// Each line of the input is a line received, but "!" asks for a challenge, "?" lets time pass, "#" cuts the connection.
#include "service/gateway/protocol.hpp"

#include <string>
#include <vector>

#include <boost/json/parse.hpp>

#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    using gateway::Protocol;
    std::vector<int> answers;
    answers.reserve(size);
    gateway::Protocol::Events events;
    events.objection = [](const gateway::HelloReply&) { return std::optional<Error>(); };
    events.next_pay_index = [](const std::string&) { return std::uint64_t{1}; };
    events.ready = [](const gateway::HelloReply&) {};
    events.keys = [](const gateway::Keys&) {};
    events.settlement = [](const std::string&, const gateway::Settlement&) {};
    events.node = [](const gateway::NodeFigures&) {};
    events.answered = [](std::string_view, std::chrono::duration<double>) {};
    Protocol protocol(events);
    Protocol::Clock::time_point now{};

    const auto drain = [&] {
        const std::string sent = protocol.take_output(now);
        FUZZ_REQUIRE(sent.empty() || sent.ends_with('\n'));
        std::string_view rest = sent;
        while (!rest.empty()) {
            const std::size_t end = rest.find('\n');
            boost::system::error_code broken;
            FUZZ_REQUIRE(boost::json::parse(boost::json::string_view(rest.data(), end), broken).is_object() && !broken);
            FUZZ_REQUIRE(end < gateway::max_line);
            rest.remove_prefix(end + 1);
        }
    };
    bool connected = true;
    protocol.connected(now);
    fuzz::Input input(data, size);
    while (!input.empty()) {
        const std::string_view line = input.line();
        if (line.starts_with('!')) {
            const std::size_t number = answers.size();
            answers.push_back(0);
            gateway::IssueRequest request{Msat(1000), *ServiceName::parse("weather"), std::nullopt, std::nullopt};
            protocol.issue(std::move(request), now, [&answers, number](Result<gateway::IssuedChallenge> result) {
                ++answers[number];
                FUZZ_REQUIRE(result || !result.error().message.empty());
            });
        } else if (line.starts_with('?')) {
            now += std::chrono::seconds(4);
            if (!protocol.expire(now)) {
                protocol.disconnected("it hangs");
                connected = false;
            }
        } else if (line.starts_with('#') && connected) {
            protocol.disconnected("cut");
            connected = false;
        } else if (connected && !protocol.receive(line, now)) {
            protocol.disconnected("a bad answer");
            connected = false;
        }
        if (!connected) {
            protocol.connected(now);
            connected = true;
        }
        drain();
    }
    protocol.disconnected("the end");
    for (const int count : answers) FUZZ_REQUIRE(count == 1);
    return 0;
}
