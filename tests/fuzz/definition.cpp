// A service's definition in JSON: any object becomes a service, or faults that say where in it.
#include "service/config/definition.hpp"

#include <boost/json/parse.hpp>
#include <string>
#include <vector>

#include "service/config/load.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace millrace;

std::optional<config::Config> stored(const boost::json::object& definition, config::Faults& faults) {
    static const config::Config file =
        config::parse(
            "[listen]\naddress = \"127.0.0.1:80\"\n[admin]\naddress = \"unix:a\"\n[node]\ngateway = \"g\"\n"
            "[store]\npath = \"s\"\n",
            "m.toml")
            .value();
    const boost::json::value* name = definition.if_contains("name");
    std::string text = name && name->is_string() ? std::string(name->get_string()) : std::string("x");
    std::vector<config::StoredService> services{{std::move(text), definition}};
    return config::with_stored(file, "m.toml", services, {}, faults);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    boost::system::error_code bad;
    const boost::json::value value = boost::json::parse(text, bad);
    // A definition may name any file to be read: that is its operator's to say, not a fuzzer's.
    if (bad || !value.is_object() || text.find("file:") != std::string_view::npos) return 0;
    config::Faults faults("m.toml");
    const std::optional<config::Config> config = stored(value.get_object(), faults);
    FUZZ_REQUIRE(config.has_value() == faults.none());
    for (const config::Fault& fault : faults.list()) {
        FUZZ_REQUIRE(fault.line == 0);
        FUZZ_REQUIRE(fault.pointer.empty() || fault.pointer.starts_with('/'));
        FUZZ_REQUIRE(!fault.what.empty());
    }
    if (!config) return 0;
    FUZZ_REQUIRE(config->services.size() == 1);
    const config::Service& service = config->services.front();
    FUZZ_REQUIRE(service.origin->definition == value.get_object());
    config::Faults again("m.toml");
    const std::optional<config::Config> twice = stored(service.origin->definition, again);
    FUZZ_REQUIRE(twice && twice->services.front().upstream == service.upstream);
    FUZZ_REQUIRE(twice->services.front().path.text() == service.path.text());
    return 0;
}
