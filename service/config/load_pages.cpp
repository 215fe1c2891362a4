#include "service/config/load_pages.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace millrace::config {
namespace {

constexpr std::uint64_t most_waiting = 1'000'000;  // far above what a process has file descriptors for

std::uint32_t line_of(const toml::table* table) {
    return table ? static_cast<std::uint32_t>(table->source().begin.line) : 1;
}

}  // namespace

void read_pay_page(const toml::table* table, Config& config, Faults& faults) {
    Section section(table, "pay_page", line_of(table), faults);
    if (auto max = section.integer("max_waiting", 0, most_waiting))
        config.pay_page.max_waiting = static_cast<std::size_t>(*max);
    if (auto max = section.integer("max_waiting_per_prefix", 1, most_waiting))
        config.pay_page.max_waiting_per_prefix = static_cast<std::size_t>(*max);
    section.no_others();
}

void read_discovery(const toml::table* table, Config& config, Faults& faults) {
    Section section(table, "discovery", line_of(table), faults);
    config.discovery.enabled = section.flag("enabled").value_or(true);
    if (auto name = section.text("name")) config.discovery.name = *name;
    if (auto uri = section.text("uri")) {
        auto parsed = boost::urls::parse_uri(*uri);
        bool web = parsed && (parsed->scheme() == "https" || parsed->scheme() == "http");
        if (!web)
            section.fault("uri", "must be an address such as \"https://example.com\", not \"" + *uri + '"');
        else
            config.discovery.uri = *uri;
    }
    section.no_others();
}

Appearance read_appearance(Section& service) {
    Appearance out;
    out.pay_page = service.flag("pay_page").value_or(true);
    out.hidden = service.flag("hidden").value_or(false);
    if (auto options = service.text("options")) {
        out.forward_options = *options == "forward";
        if (!out.forward_options && *options != "answer")
            service.fault("options", "must be \"answer\" or \"forward\", not \"" + *options + '"');
    }
    return out;
}

}  // namespace millrace::config
