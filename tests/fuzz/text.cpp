// The small texts of the domain: hex, base 64, Bech32, amounts, short channel ids, service names. What is read is
// written back in its one form.
#include <algorithm>
#include <string>

#include "common/codec/base64.hpp"
#include "common/codec/bech32.hpp"
#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace {
namespace {

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::string unpadded(std::string text) {
    while (text.ends_with('=')) text.pop_back();
    return text;
}

}  // namespace
}  // namespace millrace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    const ByteView bytes(data, size);
    const std::string_view text = as_text(bytes);

    if (const Result<Bytes> read = codec::from_hex(text)) FUZZ_REQUIRE(codec::to_hex(*read) == lower_case(text));
    if (const Result<Bytes> read = codec::from_base64(text)) {
        const bool url_safe = text.find_first_of("-_") != std::string_view::npos;
        FUZZ_REQUIRE(unpadded(url_safe ? codec::to_base64url(*read) : codec::to_base64(*read)) ==
                     unpadded(std::string(text)));
    }
    if (const Result<codec::Bech32> read = codec::decode_bech32(text)) {
        FUZZ_REQUIRE(codec::encode_bech32(read->hrp, read->words) == lower_case(text));
        if (const Result<Bytes> whole = codec::from_words(read->words))
            FUZZ_REQUIRE(codec::to_words(*whole) == read->words);
    }
    if (const Result<Msat> read = Msat::parse(text)) {
        FUZZ_REQUIRE(read->value() <= Msat::max_value);
        FUZZ_REQUIRE(Msat::parse(read->text()).value() == *read);
    }
    if (const Result<ShortChannelId> read = ShortChannelId::parse(text))
        FUZZ_REQUIRE(ShortChannelId::parse(read->text()).value() == *read);
    if (const Result<ServiceName> read = ServiceName::parse(text))
        FUZZ_REQUIRE(read->text() == text && text.size() <= ServiceName::max_length);

    FUZZ_REQUIRE(codec::from_hex(codec::to_hex(bytes)).value() == to_bytes(bytes));
    FUZZ_REQUIRE(codec::from_base64(codec::to_base64(bytes)).value() == to_bytes(bytes));
    FUZZ_REQUIRE(codec::from_base64(codec::to_base64url(bytes)).value() == to_bytes(bytes));
    FUZZ_REQUIRE(codec::from_words(codec::to_words(bytes)).value() == to_bytes(bytes));
    return 0;
}
