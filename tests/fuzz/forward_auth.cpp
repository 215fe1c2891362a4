// A front proxy's question, as a whole head: which request it is about, and the answers that would be written for it.
// What is read is what one place's own fields say, nothing of a credential comes back, and no field of ours is broken.
#include <string>

#include "service/forward_auth/answer.hpp"
#include "service/forward_auth/question.hpp"
#include "service/paywall/request_target.hpp"
#include "service/relay/header_rules.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace {
namespace {

using namespace http;
using namespace relay;
using forward_auth::Dialect;

constexpr HeadLimits limits{64 * 1024, 16 * 1024};

std::size_t count(const RequestHead& head, std::string_view name) {
    std::size_t out = 0;
    for (const HeaderLine& line : head.fields) out += same_field_name(line.name, name);
    return out;
}

void check_reply(const Reply& reply) {
    RequestReader again;
    std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (const std::string& field : reply.fields) {
        FUZZ_REQUIRE(field.find_first_of("\r\n") == std::string::npos && field.find(": ") != std::string::npos);
        FUZZ_REQUIRE(!field.starts_with("Authorization: ") || !is_l402_authorization(field.substr(15)));
        head += field + "\r\n";
    }
    const std::optional<Fault> refused = again.parse(head + "\r\n", {256 * 1024, 64 * 1024});
    FUZZ_REQUIRE(!refused || refused->status == 431);
}

void check(std::string_view message) {
    std::size_t scanned = 0;
    const std::size_t end = find_head_end(message, scanned);
    if (end == 0) return;
    RequestReader reader;
    if (reader.parse(message.substr(0, end), limits)) return;
    const RequestHead asked = reader.head();
    const auto read = forward_auth::read_question(asked);
    if (const auto* fault = std::get_if<Fault>(&read)) {
        FUZZ_REQUIRE(fault->status == 400 || fault->status == 404);
        return;
    }
    const auto& question = std::get<forward_auth::Question>(read);
    FUZZ_REQUIRE(!question.method.empty());
    FUZZ_REQUIRE(question.target == "*" || question.target.starts_with('/'));
    switch (question.dialect) {
        case Dialect::nginx_auth:
        case Dialect::nginx_answer:
            FUZZ_REQUIRE(count(asked, "X-Original-Method") == 1 && count(asked, "X-Original-URI") == 1);
            FUZZ_REQUIRE(question.host == asked.host);
            break;
        case Dialect::forwarded:
            FUZZ_REQUIRE(count(asked, "X-Forwarded-Method") == 1 && count(asked, "X-Forwarded-Uri") == 1);
            FUZZ_REQUIRE(!question.content_length);
            break;
        case Dialect::envoy:
            FUZZ_REQUIRE(question.method == asked.method && question.host == asked.host);
            FUZZ_REQUIRE(asked.target.ends_with(question.target) && !question.content_length);
            break;
    }
    bool told = false;
    forward_auth::put_in_place(question, reader.amend(), &told);
    const RequestHead& head = reader.head();
    FUZZ_REQUIRE(head.target == question.target && head.method == question.method);
    FUZZ_REQUIRE(head.keep_alive == asked.keep_alive && head.version == asked.version);
    FUZZ_REQUIRE(told == question.content_length.has_value() && told == head.has_content_length);
    paywall::RequestTarget target;
    (void)paywall::parse_target(head.target, target);

    const std::string token_lines = token_header_lines(l402::Identifier{}, "weather");
    check_reply(forward_auth::passed({question.dialect, token_lines, "abc"}, head));
    Problem problem{402, std::string(head.target), "no_credential"};
    check_reply(forward_auth::denied_to_nginx(problem));
    check_reply(forward_auth::grpc_denial(problem, 200));
    problem.status = 400;
    check_reply(forward_auth::grpc_denial(problem, 400));
    (void)forward_auth::is_grpc(head);
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    millrace::fuzz::Input input(data, size);
    millrace::check(input.rest_text());
    return 0;
}
