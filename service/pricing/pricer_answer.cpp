#include "service/pricing/pricer_answer.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "common/json/fields.hpp"

namespace millrace {

const char* ErrcText<pricing::Errc>::text(pricing::Errc errc) {
    switch (errc) {
        case pricing::Errc::not_json:
            return "the answer is not JSON";
        case pricing::Errc::bad_price:
            return "the answer has no good price";
    }
    return "unknown";
}

}  // namespace millrace

namespace millrace::pricing {

namespace bj = boost::json;

std::string write_question(const Question& question) {
    bj::object out{{"service", question.service}};
    if (!question.route.empty()) out["route"] = question.route;
    if (!question.tier_name.empty()) out["tier"] = question.tier_name;
    out["local_price_msat"] = question.local.value();
    for (const auto& [name, value] : question.facts) {
        // The one that is a number; a text of ours.
        if (name == "content_length")
            out[name] = std::stoull(value);
        else
            out[name] = value;
    }
    if (!question.headers.empty()) {
        bj::object headers;
        for (const auto& [name, value] : question.headers) headers[name] = value;
        out["headers"] = std::move(headers);
    }
    return bj::serialize(out);
}

Result<PricerAnswer> read_answer(std::string_view body, const config::Pricer& pricer) {
    boost::system::error_code not_json;
    bj::value value = bj::parse({body.data(), body.size()}, not_json);
    if (not_json) return fail(Errc::not_json);
    json::Fields in(value, "answer");
    std::uint64_t price = in.u64("price_msat", config::max_price_msat);
    if (in.fault()) return fail(Errc::bad_price, in.fault()->message);
    if (price == 0 && pricer.min > Msat(0)) {
        return fail(Errc::bad_price, "answer: price_msat: 0 is for services with min_msat = 0");
    }
    PricerAnswer out;
    out.price = std::clamp(Msat(price), pricer.min, pricer.max);
    out.clamped = out.price.value() != price;
    return out;
}

}  // namespace millrace::pricing
