#include "common/bolt11/invoice.hpp"

#include <algorithm>
#include <array>
#include <boost/algorithm/string/predicate.hpp>

#include "common/codec/bech32.hpp"

namespace millrace {

const char* ErrcText<bolt11::Errc>::text(bolt11::Errc errc) {
    switch (errc) {
        case bolt11::Errc::not_bech32:
            return "not a bolt11 invoice";
        case bolt11::Errc::bad_prefix:
            return "not an invoice of a known network";
        case bolt11::Errc::bad_amount:
            return "the invoice's amount is malformed";
        case bolt11::Errc::too_short:
            return "the invoice is too short";
        case bolt11::Errc::bad_field:
            return "an invoice field is malformed";
        case bolt11::Errc::missing_field:
            return "an invoice field is missing";
        case bolt11::Errc::unknown_feature:
            return "the invoice requires an unknown feature";
        case bolt11::Errc::bad_signature:
            return "the invoice's signature is not valid";
    }
    return "unknown bolt11 error";
}

}  // namespace millrace

namespace millrace::bolt11 {
namespace {

using codec::to_words;

constexpr std::size_t timestamp_words = 7;
constexpr std::size_t signature_words = 104;
constexpr std::size_t hash_words = 52;
constexpr std::size_t node_id_words = 53;
constexpr std::size_t route_hop_bytes = 51;  // pubkey 33, short channel id 8, base 4, ppm 4, cltv 2
constexpr std::size_t max_field_words = 1023;
constexpr std::uint64_t msat_per_btc = 100'000'000'000;
constexpr std::size_t max_amount_digits = 19;  // 21 million bitcoin in millisatoshi have 19; 19 digits fit into 64 bits

constexpr std::string_view currencies[] = {"bc", "tb", "tbs", "bcrt"};

// Compulsory bits that a payer here understands: var_onion, payment_secret, basic_mpp, route_blinding, payment_metadata.
constexpr unsigned known_compulsory_bits[] = {8, 14, 16, 24, 48};

// The 5-bit value of a field's letter.
constexpr std::uint8_t letter(char c) {
    return static_cast<std::uint8_t>(std::string_view("qpzry9x8gf2tvdw0s3jn54khce6mua7l").find(c));
}

struct Multiplier {
    char letter;
    std::uint64_t msat;  // of one unit; pico is a tenth of a millisatoshi and treated apart
};
constexpr Multiplier multipliers[] = {
    {'m', msat_per_btc / 1000}, {'u', msat_per_btc / 1'000'000}, {'n', msat_per_btc / 1'000'000'000}};

// ---- reading ----

struct Prefix {
    std::string currency;
    std::optional<Msat> amount;
};

Result<std::optional<Msat>> parse_amount(std::string_view text) {
    if (text.empty()) return std::optional<Msat>{};
    std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
    const std::string_view unit = text.substr(digits.size());
    if (digits.empty() || digits.front() == '0') return fail(Errc::bad_amount, std::string(text));
    std::uint64_t factor = msat_per_btc;
    if (unit == "p") {
        if (digits.back() != '0') return fail(Errc::bad_amount, "a fraction of a millisatoshi");
        digits.remove_suffix(1);
        factor = 1;
    } else if (!unit.empty()) {
        const auto* found = std::find_if(std::begin(multipliers), std::end(multipliers), [unit](const Multiplier& m) {
            return unit.size() == 1 && m.letter == unit[0];
        });
        if (found == std::end(multipliers)) return fail(Errc::bad_amount, "the multiplier is m, u, n or p");
        factor = found->msat;
    }
    if (digits.size() > max_amount_digits) return fail(Errc::bad_amount, "more than 21 million bitcoin");
    std::uint64_t number = 0;
    for (const char c : digits) number = number * 10 + static_cast<std::uint64_t>(c - '0');
    if (number > Msat::max_value / factor) return fail(Errc::bad_amount, "more than 21 million bitcoin");
    return std::optional<Msat>(Msat(number * factor));
}

Result<Prefix> parse_prefix(std::string_view hrp) {
    if (!hrp.starts_with("ln")) return fail(Errc::bad_prefix, "it does not begin with ln");
    const std::string_view rest = hrp.substr(2);
    const std::string_view currency = rest.substr(0, rest.find_first_of("0123456789"));
    if (std::find(std::begin(currencies), std::end(currencies), currency) == std::end(currencies)) {
        return fail(Errc::bad_prefix, "its currency is none of bc, tb, tbs, bcrt");
    }
    const Result<std::optional<Msat>> amount = parse_amount(rest.substr(currency.size()));
    if (!amount) return amount.error();
    return Prefix{std::string(currency), *amount};
}

// Big-endian number of 5-bit groups; empty where it has more than 60 bits.
std::optional<std::uint64_t> read_number(ByteView words) {
    if (words.size() > 12) return std::nullopt;
    std::uint64_t out = 0;
    for (const std::uint8_t word : words) out = out << 5U | word;
    return out;
}

// Whole bytes; bits left over are dropped, as readers must not depend on the padding of a field.
Bytes read_bytes(ByteView words) {
    Bytes out;
    out.reserve(words.size() * 5 / 8);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const std::uint8_t word : words) {
        bits = bits << 5U | word;
        count += 5;
        if (count >= 8) {
            count -= 8;
            out.push_back(static_cast<std::uint8_t>(bits >> count));
        }
    }
    return out;
}

// A bit field is right-aligned in its groups, unlike everything else.
Bytes read_features(ByteView words) {
    Bytes out((words.size() * 5 + 7) / 8);
    for (std::size_t bit = 0; bit < words.size() * 5; ++bit) {
        const std::uint8_t word = words[words.size() - 1 - bit / 5];
        if ((word >> bit % 5 & 1U) != 0) out[out.size() - 1 - bit / 8] |= static_cast<std::uint8_t>(1U << bit % 8);
    }
    while (!out.empty() && out.front() == 0) out.erase(out.begin());
    return out;
}

bool feature_bit(const Bytes& features, std::size_t bit) {
    return bit / 8 < features.size() && (features[features.size() - 1 - bit / 8] >> bit % 8 & 1U) != 0;
}

Result<void> check_features(const Bytes& features) {
    for (std::size_t bit = 0; bit < features.size() * 8; bit += 2) {
        const bool known = std::find(std::begin(known_compulsory_bits), std::end(known_compulsory_bits), bit) !=
                           std::end(known_compulsory_bits);
        if (feature_bit(features, bit) && !known) return fail(Errc::unknown_feature, "bit " + std::to_string(bit));
    }
    return {};
}

template <class Integer>
Integer read_big_endian(ByteView bytes) {
    Integer out = 0;
    for (const std::uint8_t byte : bytes) out = static_cast<Integer>(out << 8U | byte);
    return out;
}

// Empty where the length is wrong: the field is then skipped.
std::optional<std::vector<RouteHop>> read_route(const Bytes& bytes) {
    if (bytes.empty() || bytes.size() % route_hop_bytes != 0) return std::nullopt;
    std::vector<RouteHop> out;
    for (ByteView in = bytes; !in.empty(); in = in.subspan(route_hop_bytes)) {
        RouteHop hop;
        hop.pubkey = *NodeId::from_bytes(in.first(33));
        hop.short_channel_id = ShortChannelId(read_big_endian<std::uint64_t>(in.subspan(33, 8)));
        hop.fee_base_msat = read_big_endian<std::uint32_t>(in.subspan(41, 4));
        hop.fee_proportional_millionths = read_big_endian<std::uint32_t>(in.subspan(45, 4));
        hop.cltv_expiry_delta = read_big_endian<std::uint16_t>(in.subspan(49, 2));
        out.push_back(hop);
    }
    return out;
}

std::optional<Fallback> read_fallback(ByteView words) {
    if (words.empty() || words.front() > 18) return std::nullopt;
    Fallback out{words.front(), read_bytes(words.subspan(1))};
    const std::size_t size = out.program.size();
    if (out.version >= 17 ? size != 20 : size < 2 || size > 40) return std::nullopt;
    return out;
}

// Which fields were there; of a field that may stand once the first one counts.
struct Seen {
    bool payment_hash = false;
    bool payment_secret = false;
    bool description = false;
    bool expiry = false;
    bool cltv = false;
    bool features = false;
    std::optional<NodeId> payee;
};

Result<void> read_field(std::uint8_t type, ByteView words, Invoice& invoice, Seen& seen) {
    const bool hash_sized = words.size() == hash_words;
    if (type == letter('p') && hash_sized && !seen.payment_hash) {
        invoice.payment_hash = *PaymentHash::from_bytes(read_bytes(words));
        seen.payment_hash = true;
    } else if (type == letter('s') && hash_sized && !seen.payment_secret) {
        invoice.payment_secret = *PaymentSecret::from_bytes(read_bytes(words));
        seen.payment_secret = true;
    } else if (type == letter('d') && !seen.description) {
        invoice.description = std::string(as_text(read_bytes(words)));
        seen.description = true;
    } else if (type == letter('h') && hash_sized && !seen.description) {
        crypto::Digest digest;
        const Bytes bytes = read_bytes(words);
        std::copy(bytes.begin(), bytes.end(), digest.begin());
        invoice.description = digest;
        seen.description = true;
    } else if (type == letter('m') && !invoice.payment_metadata) {
        invoice.payment_metadata = read_bytes(words);
    } else if (type == letter('n') && words.size() == node_id_words && !seen.payee) {
        seen.payee = *NodeId::from_bytes(read_bytes(words));
    } else if (type == letter('x') && !seen.expiry) {
        const std::optional<std::uint64_t> seconds = read_number(words);
        if (!seconds) return fail(Errc::bad_field, "expiry out of range");
        invoice.expiry = std::chrono::seconds(*seconds);
        seen.expiry = true;
    } else if (type == letter('c') && !seen.cltv) {
        const std::optional<std::uint64_t> blocks = read_number(words);
        if (!blocks || *blocks > UINT32_MAX) return fail(Errc::bad_field, "min_final_cltv_expiry out of range");
        invoice.min_final_cltv = static_cast<std::uint32_t>(*blocks);
        seen.cltv = true;
    } else if (type == letter('f')) {
        if (std::optional<Fallback> fallback = read_fallback(words)) invoice.fallbacks.push_back(std::move(*fallback));
    } else if (type == letter('r')) {
        if (std::optional<std::vector<RouteHop>> route = read_route(read_bytes(words)))
            invoice.routes.push_back(std::move(*route));
    } else if (type == letter('9') && !seen.features) {
        invoice.features = read_features(words);
        seen.features = true;
        return check_features(invoice.features);
    }
    return {};  // unknown, repeated, or of a wrong length: skipped
}

crypto::Digest signed_digest(std::string_view hrp, ByteView words) {
    Bytes message = to_bytes(as_bytes(hrp));
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const std::uint8_t word : words) {
        bits = bits << 5U | word;
        count += 5;
        if (count >= 8) {
            count -= 8;
            message.push_back(static_cast<std::uint8_t>(bits >> count));
        }
    }
    if (count > 0) message.push_back(static_cast<std::uint8_t>(bits << (8 - count)));
    return crypto::sha256(message);
}

Result<void> check_signature(const codec::Bech32& parts, const std::optional<NodeId>& stated_payee, Invoice& invoice) {
    const ByteView words = parts.words;
    const Bytes bytes = read_bytes(words.last(signature_words));
    std::copy_n(bytes.begin(), invoice.signature.compact.size(), invoice.signature.compact.begin());
    invoice.signature.recovery_id = bytes.back();

    const crypto::Digest digest = signed_digest(parts.hrp, words.first(words.size() - signature_words));
    if (stated_payee) {
        if (!crypto::verify(*stated_payee, invoice.signature, digest))
            return fail(Errc::bad_signature, "it is not of the stated payee");
        invoice.payee = *stated_payee;
        return {};
    }
    const std::optional<NodeId> recovered = crypto::recover(invoice.signature, digest);
    if (!recovered) return fail(Errc::bad_signature, "no public key fits it");
    invoice.payee = *recovered;
    return {};
}

// ---- writing ----

std::string amount_text(Msat amount) {
    const std::uint64_t msat = amount.value();
    if (msat % msat_per_btc == 0) return std::to_string(msat / msat_per_btc);
    for (const Multiplier& multiplier : multipliers) {
        if (msat % multiplier.msat == 0) return std::to_string(msat / multiplier.msat) + multiplier.letter;
    }
    return std::to_string(msat) + "0p";
}

Bytes number_words(std::uint64_t value) {
    Bytes out;
    do {
        out.insert(out.begin(), static_cast<std::uint8_t>(value & 31U));
        value >>= 5U;
    } while (value != 0);
    return out;
}

void append_big_endian(Bytes& out, std::uint64_t value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

class Writer {
  public:
    void field(char type, ByteView words) {
        if (words.size() > max_field_words) {
            too_long_ = type;
            return;
        }
        words_.push_back(letter(type));
        words_.push_back(static_cast<std::uint8_t>(words.size() >> 5U));
        words_.push_back(static_cast<std::uint8_t>(words.size() & 31U));
        words_.insert(words_.end(), words.begin(), words.end());
    }
    void timestamp(std::uint64_t seconds) {
        for (std::size_t i = timestamp_words; i-- > 0;)
            words_.push_back(static_cast<std::uint8_t>(seconds >> 5 * i & 31U));
    }
    void features(const Bytes& features) {
        Bytes words((features.size() * 8 + 4) / 5);
        for (std::size_t bit = 0; bit < features.size() * 8; ++bit) {
            if (feature_bit(features, bit))
                words[words.size() - 1 - bit / 5] |= static_cast<std::uint8_t>(1U << bit % 5);
        }
        const auto first = std::find_if(words.begin(), words.end(), [](std::uint8_t word) { return word != 0; });
        words.erase(words.begin(), first);
        if (!words.empty()) field('9', words);
    }
    Result<Bytes> take() {
        if (too_long_) return fail(Errc::bad_field, std::string("field ") + *too_long_ + " has more than 639 bytes");
        return std::move(words_);
    }

  private:
    Bytes words_;
    std::optional<char> too_long_;
};

Bytes route_bytes(const std::vector<RouteHop>& route) {
    Bytes out;
    for (const RouteHop& hop : route) {
        out.insert(out.end(), hop.pubkey.view().begin(), hop.pubkey.view().end());
        append_big_endian(out, hop.short_channel_id.value(), 8);
        append_big_endian(out, hop.fee_base_msat, 4);
        append_big_endian(out, hop.fee_proportional_millionths, 4);
        append_big_endian(out, hop.cltv_expiry_delta, 2);
    }
    return out;
}

struct Unsigned {
    std::string hrp;
    Bytes words;
};

Result<Unsigned> write_fields(const Invoice& invoice) {
    if (invoice.amount && (*invoice.amount == Msat() || *invoice.amount > Msat(Msat::max_value))) {
        return fail(Errc::bad_amount, "it must be from 1 msat to 21 million bitcoin, or none");
    }
    Writer out;
    out.timestamp(static_cast<std::uint64_t>(invoice.timestamp.time_since_epoch().count()));
    out.field('s', to_words(invoice.payment_secret.view()));
    out.field('p', to_words(invoice.payment_hash.view()));
    if (const auto* text = std::get_if<std::string>(&invoice.description)) {
        out.field('d', to_words(as_bytes(*text)));
    } else {
        out.field('h', to_words(std::get<crypto::Digest>(invoice.description)));
    }
    if (invoice.payment_metadata) out.field('m', to_words(*invoice.payment_metadata));
    if (invoice.expiry != Invoice::default_expiry)
        out.field('x', number_words(static_cast<std::uint64_t>(invoice.expiry.count())));
    if (invoice.min_final_cltv != Invoice::default_min_final_cltv) out.field('c', number_words(invoice.min_final_cltv));
    for (const Fallback& fallback : invoice.fallbacks) {
        Bytes words = {fallback.version};
        const Bytes program = to_words(fallback.program);
        words.insert(words.end(), program.begin(), program.end());
        out.field('f', words);
    }
    for (const std::vector<RouteHop>& route : invoice.routes) out.field('r', to_words(route_bytes(route)));
    out.features(invoice.features);
    Result<Bytes> words = out.take();
    if (!words) return words.error();
    return Unsigned{"ln" + invoice.currency + (invoice.amount ? amount_text(*invoice.amount) : ""), std::move(*words)};
}

std::string with_signature(Unsigned parts, const crypto::RecoverableSignature& signature) {
    Bytes bytes(signature.compact.begin(), signature.compact.end());
    bytes.push_back(signature.recovery_id);
    const Bytes words = to_words(bytes);
    parts.words.insert(parts.words.end(), words.begin(), words.end());
    return codec::encode_bech32(parts.hrp, parts.words);
}

}  // namespace

std::string_view Invoice::description_text() const {
    const auto* text = std::get_if<std::string>(&description);
    return text == nullptr ? std::string_view{} : std::string_view(*text);
}

Result<Invoice> decode(std::string_view text) {
    constexpr std::string_view uri_scheme = "lightning:";
    if (boost::istarts_with(text, uri_scheme)) text.remove_prefix(uri_scheme.size());
    const Result<codec::Bech32> parts = codec::decode_bech32(text);
    if (!parts) return fail(Errc::not_bech32, parts.error().message);
    Result<Prefix> prefix = parse_prefix(parts->hrp);
    if (!prefix) return prefix.error();
    if (parts->words.size() < timestamp_words + signature_words) return fail(Errc::too_short);

    Invoice invoice;
    invoice.currency = std::move(prefix->currency);
    invoice.amount = prefix->amount;
    Seen seen;
    ByteView in = ByteView(parts->words).first(parts->words.size() - signature_words);
    invoice.timestamp = std::chrono::sys_seconds(std::chrono::seconds(*read_number(in.first(timestamp_words))));
    in = in.subspan(timestamp_words);
    while (!in.empty()) {
        if (in.size() < 3) return fail(Errc::bad_field, "it ends inside a field");
        const std::size_t length = std::size_t{in[1]} << 5U | in[2];
        if (in.size() - 3 < length) return fail(Errc::bad_field, "it ends inside a field");
        if (auto done = read_field(in[0], in.subspan(3, length), invoice, seen); !done) return done.error();
        in = in.subspan(3 + length);
    }
    if (!seen.payment_hash) return fail(Errc::missing_field, "payment hash (p)");
    if (!seen.payment_secret) return fail(Errc::missing_field, "payment secret (s)");
    if (!seen.description) return fail(Errc::missing_field, "description (d or h)");
    if (auto done = check_signature(*parts, seen.payee, invoice); !done) return done.error();
    return invoice;
}

Result<std::string> encode_unsigned(const Invoice& invoice) {
    Result<Unsigned> parts = write_fields(invoice);
    if (!parts) return parts.error();
    return with_signature(std::move(*parts), crypto::RecoverableSignature{});
}

Result<std::string> encode_signed(const Invoice& invoice, const SecretKey& key) {
    Result<Unsigned> parts = write_fields(invoice);
    if (!parts) return parts.error();
    const crypto::RecoverableSignature signature =
        crypto::sign_recoverable(key, signed_digest(parts->hrp, parts->words));
    return with_signature(std::move(*parts), signature);
}

std::string_view currency_of_network(std::string_view network) {
    if (network == "bitcoin") return "bc";
    if (network == "testnet" || network == "testnet4") return "tb";
    if (network == "signet") return "tbs";
    if (network == "regtest") return "bcrt";
    return {};
}

}  // namespace millrace::bolt11
