// The gateway's lines, as the plugin reads them from its clients and as the messages read them from JSON: what is read
// can be written and is then read as the same; every answer is one line.
#include "common/gateway/messages.hpp"

#include <string>
#include <variant>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "plugin/gateway/protocol.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace {
namespace {

namespace bj = boost::json;
using namespace gateway;

template <auto parse>
void check_message(const bj::value& value) {
    const auto message = parse(value);
    if (!message) {
        FUZZ_REQUIRE(is(message.error(), Errc::bad_message));
        FUZZ_REQUIRE(!message.error().message.empty());
        return;
    }
    const std::string written = bj::serialize(to_json(*message));
    FUZZ_REQUIRE(written.find('\n') == std::string::npos);
    const auto again = parse(bj::parse(written));
    FUZZ_REQUIRE(again);
    FUZZ_REQUIRE(bj::serialize(to_json(*again)) == written);
}

void require_one_line(const std::string& line) {
    FUZZ_REQUIRE(line.ends_with('\n'));
    FUZZ_REQUIRE(line.find('\n') == line.size() - 1);
    boost::system::error_code broken;
    const bj::value message = bj::parse(line, broken);
    FUZZ_REQUIRE(!broken && message.is_object());
}

}  // namespace
}  // namespace millrace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    fuzz::Input input(data, size);
    Protocol protocol;
    while (!input.empty()) {
        const std::string_view line = input.line();

        const auto read = protocol.on_line(line);
        if (const auto* refused = std::get_if<Refusal>(&read)) {
            FUZZ_REQUIRE(refused->error.code != 0 && !refused->error.message.empty());
            require_one_line(error_line(refused->id, refused->error));
        } else {
            const Request& request = std::get<Request>(read);
            FUZZ_REQUIRE(protocol.greeted());
            require_one_line(result_line(request.id, {}));
            if (const auto* batch = std::get_if<BatchCall>(&request.call))
                FUZZ_REQUIRE(batch->items.size() <= max_batch);
        }

        boost::system::error_code broken;
        const bj::value value = bj::parse(bj::string_view(line.data(), line.size()), broken);
        if (broken) continue;
        check_message<parse_hello>(value);
        check_message<parse_hello_reply>(value);
        check_message<parse_issue_request>(value);
        check_message<parse_issued_challenge>(value);
        check_message<parse_keys>(value);
        check_message<parse_settlement>(value);
        check_message<parse_node_figures>(value);
        check_message<parse_refund_request>(value);
        check_message<parse_refund_reply>(value);
        (void)parse_subscribe(value);
        if (const Result<Keys> keys = parse_keys(value))
            FUZZ_REQUIRE(key_ring(*keys).keys.size() <= keys->epochs.size());
    }
    return 0;
}
