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
        FUZZ_REQUIRE(service.path.starts_with('/'));
        FUZZ_REQUIRE(service.price.value() <= Msat::max_value);
        FUZZ_REQUIRE(!service.upstream.addresses.empty());
    }
    // Each service is found at its own path.
    const paywall::RouteTable routes(config->services);
    for (std::size_t i = 0; i < config->services.size(); ++i) {
        const config::Service& service = config->services[i];
        paywall::RequestTarget target;
        target.path = service.path;
        const std::string host = service.host.kind == config::HostPattern::Kind::exact    ? service.host.text
                                 : service.host.kind == config::HostPattern::Kind::suffix ? "x" + service.host.text
                                                                                          : std::string();
        if (service.host.kind == config::HostPattern::Kind::any)
            continue;  // "" may belong to nobody else, yet need not be asked
        FUZZ_REQUIRE(routes.find(host, target).match.has_value());
    }
    return 0;
}
