#include "common/codec/hex.hpp"
#include "common/crypto/hash.hpp"
#include "service/pricing/price_source.hpp"

namespace millrace::pricing {
namespace {

constexpr std::size_t thing_bytes = 16;

// With its length in front: no text can be taken for the end of one and the beginning of the next.
void append(std::string_view text, std::string& out) {
    out.append(std::to_string(text.size())).append(":").append(text).append("\n");
}

}  // namespace

std::string thing_of(const Question& question) {
    std::string text;
    append(question.service, text);
    append(question.route, text);
    append(std::to_string(question.tier), text);
    append(std::to_string(question.local.value()), text);
    for (const auto* list : {&question.facts, &question.headers}) {
        append(std::to_string(list->size()), text);
        for (const auto& [name, value] : *list) {
            append(name, text);
            append(value, text);
        }
    }
    const crypto::Digest digest = crypto::sha256(as_bytes(text));
    return codec::to_hex(ByteView(digest).subspan(0, thing_bytes));
}

}  // namespace millrace::pricing
