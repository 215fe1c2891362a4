#include "plugin/invoicing/onion_payload.hpp"

#include <algorithm>

#include "common/codec/tlv.hpp"
#include "common/crypto/hash.hpp"

namespace millrace::invoicing {
namespace {

constexpr std::uint64_t payment_data = 8;
constexpr std::uint64_t payment_metadata = 16;

}  // namespace

PaymentSecret stored_invoice_secret(const Preimage& preimage) {
    std::array<std::uint8_t, Preimage::length> modified{};
    std::copy(preimage.reveal().begin(), preimage.reveal().end(), modified.begin());
    modified[0] ^= 1U;
    return PaymentSecret(crypto::sha256(modified));
}

Result<Bytes> replace_payment_secret(ByteView payload, const PaymentSecret& expected,
                                     const PaymentSecret& replacement) {
    ByteView stream = payload;
    const auto length = codec::read_bigsize(stream);
    if (!length) return length.error();
    if (*length != stream.size()) return fail(codec::Errc::wrong_length, "the onion payload is not as long as it says");

    auto records = codec::decode_tlv(stream);
    if (!records) return records.error();
    std::erase_if(*records, [](const codec::TlvRecord& record) { return record.type == payment_metadata; });

    const auto data = std::find_if(records->begin(), records->end(),
                                   [](const codec::TlvRecord& record) { return record.type == payment_data; });
    if (data == records->end() || data->value.size() < PaymentSecret::length ||
        !std::equal(expected.view().begin(), expected.view().end(), data->value.begin())) {
        return fail(codec::Errc::truncated, "the onion payload has no payment_data with this payment_secret");
    }
    std::copy(replacement.view().begin(), replacement.view().end(), data->value.begin());
    return codec::encode_tlv(*records);
}

}  // namespace millrace::invoicing
