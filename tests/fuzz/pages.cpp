// What browsers and buyers send before they pay, a line each: an Accept value, a Cookie value, a quote's question. No
// cookie is genuine under a key that did not seal it, none reaches an upstream, and what is quoted is what is sold.
#include <boost/json/serialize.hpp>
#include <string>

#include "service/discovery/quote.hpp"
#include "service/pages/accept.hpp"
#include "service/pages/pay_cookie.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace {
namespace {

void check_accept(std::string_view accept) {
    for (std::string_view type : {"text/html", "application/json"}) {
        int weight = pages::accepted(accept, type);
        FUZZ_REQUIRE(weight >= 0 && weight <= 1000);
    }
    if (pages::prefers_html(accept))
        FUZZ_REQUIRE(pages::accepted(accept, "text/html") > pages::accepted(accept, "application/json"));
}

void check_cookies(std::string_view cookies) {
    std::string rest = pages::without_pay_cookies(cookies);
    FUZZ_REQUIRE(rest.rfind(pages::pay_cookie_prefix, 0) != 0);
    FUZZ_REQUIRE(rest.find("; " + std::string(pages::pay_cookie_prefix)) == std::string::npos);
    FUZZ_REQUIRE(pages::without_pay_cookies(rest) == rest);

    http::RequestHead head;
    head.fields.push_back({http::Field::cookie, "Cookie", cookies});
    l402::KeyRing keys;
    for (const auto& [offer, value] : pages::find_service_cookies(head, "weather")) {
        auto ticket = pages::parse_pay_cookie(value);
        if (!ticket) continue;
        l402::KeyEpoch epoch = ticket->credential.identifier.epoch();
        keys.keys.insert_or_assign(epoch, SecretKey(std::array<std::uint8_t, 32>{1, 2, 3}));
        FUZZ_REQUIRE(!pages::is_genuine(*ticket, keys));
        // Sealed anew, it is.
        auto again = pages::parse_pay_cookie(pages::seal(ticket->ticket, keys));
        FUZZ_REQUIRE(again && pages::is_genuine(*again, keys));
        FUZZ_REQUIRE(again->ticket.token == ticket->ticket.token && again->ticket.price == ticket->ticket.price);
        FUZZ_REQUIRE(again->ticket.bolt11 == ticket->ticket.bolt11);
    }
}

void check_quote(std::string_view question) {
    static const config::Config config = [] {
        config::Config out;
        config::Service weather{ServiceName::parse("weather").value()};
        weather.path = config::PathPattern("/weather/");
        weather.price = Msat(1000);
        weather.free = {config::PathPattern("/weather/health")};
        config::Route map;
        map.name = "map";
        map.path = config::PathPattern("/weather/map/*");
        map.per_kib = Msat(3);
        map.per_unit = Msat(5);
        map.unit_header = "X-Tiles";
        map.max_units = 100;
        weather.routes = {map};
        out.services = {weather};
        return out;
    }();
    static const paywall::RouteTable routes(config.services);
    auto read = discovery::read_quote_request(question, {config, routes, "a.example"});
    if (auto* error = std::get_if<discovery::QuoteError>(&read)) {
        FUZZ_REQUIRE(error->status == 400 || error->status == 409);
        FUZZ_REQUIRE(!boost::json::serialize(discovery::write_error(*error)).empty());
        return;
    }
    const auto& quote = std::get<discovery::Quote>(read);
    FUZZ_REQUIRE(quote.price <= Msat(config::max_price_msat));
    FUZZ_REQUIRE((quote.price == Msat(0)) == (quote.match.access == paywall::Access::free));
    FUZZ_REQUIRE(!quote.mint || quote.price > Msat(0));
    FUZZ_REQUIRE(!discovery::write_quote(quote, config.services[0], {}).empty());
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text = millrace::as_text({data, size});
    auto line = [&text] {
        std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view out = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        return out;
    };
    millrace::check_accept(line());
    millrace::check_cookies(line());
    millrace::check_quote(line());
    return 0;
}
