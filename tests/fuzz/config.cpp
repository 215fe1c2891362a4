// millraced.toml: any text is a configuration or is refused with a line that names the file.
#include "service/config/load.hpp"

#include <string>

#include "service/paywall/route.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Result<config::Config> config = config::parse(text, "millraced.toml");
    if (!config) {
        FUZZ_REQUIRE(config.error().message.find("millraced.toml") != std::string::npos);
        return 0;
    }
    for (const config::Service& service : config->services) {
        FUZZ_REQUIRE(service.path.text().starts_with('/'));
        FUZZ_REQUIRE(service.price.value() <= Msat::max_value);
        FUZZ_REQUIRE(!service.upstream.addresses.empty());
    }
    // Each service with a plain path is found at it, or one in front of it is.
    const paywall::RouteTable routes(config->services);
    for (const config::Service& service : config->services) {
        if (service.path.glob() || service.host.kind == config::HostPattern::Kind::any) continue;
        paywall::RequestTarget target;
        target.path = service.path.text();
        const bool exact = service.host.kind == config::HostPattern::Kind::exact;
        const std::string host = exact ? service.host.text : "x" + service.host.text;
        const std::string method = service.methods.names.empty() ? "GET" : service.methods.names.front();
        FUZZ_REQUIRE(routes.find(host, method, target).match.has_value());
    }
    return 0;
}
