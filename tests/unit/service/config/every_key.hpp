// Configurations with a fault in each key in turn: what they are told stays, whatever the readers are made of.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "service/config/load.hpp"

namespace millrace {

// A section, and the lines that it needs to be read at all.
struct SectionLines {
    std::string_view header;  // "[timeouts]"
    std::vector<std::string_view> needed;
};

inline const std::vector<SectionLines> every_section = {
    {"[listen]", {"address = \"127.0.0.1:8402\""}},
    {"[node]", {"gateway = \"g.sock\""}},
    {"[store]", {"path = \"m.db\""}},
    {"[[service]]",
     {"name = \"weather\"", "path = \"/weather/\"", "upstream = \"https://127.0.0.1\"", "price_msat = 1000",
      "schemes = [\"payment\"]"}},
    {"[metrics]", {"address = \"127.0.0.1:9402\""}},
    {"[admin]", {"address = \"unix:a.sock\""}},
    {"[log]", {}},
    {"[limits]", {}},
    {"[timeouts]", {}},
    {"[clients]", {}},
    {"[challenges]", {}},
    {"[challenges.pow]", {}},
    {"[pay_page]", {}},
    {"[discovery]", {}},
    {"[service.health]", {"path = \"/\""}},
    {"[service.upstream_tls]", {}},
    {"[service.rewrite]", {}},
    {"[service.paths]", {}},
    {"[service.limits]", {}},
    {"[service.free_allowance]", {"requests = 10"}},
    {"[service.session]", {}},
    {"[service.pricer]", {"url = \"https://127.0.0.1:9100/price\""}},
    {"[service.pricer.tls]", {}},
    {"[[service.route]]", {"name = \"big\""}},
    {"[[service.tier]]", {"name = \"gold\"", "tier = 1"}},
};

inline constexpr std::size_t always_there = 4;  // of every_section, without which nothing is good

// With `line` in `section`, in place of the section's own one for the same key.
inline std::string with_line(std::string_view section, std::string_view line) {
    const std::string_view key = line.substr(0, line.find(" = "));
    std::string out;
    auto add = [&](const SectionLines& one, bool chosen) {
        out.append(one.header) += '\n';
        for (std::string_view needed : one.needed) {
            if (chosen && needed.starts_with(std::string(key) + " = ")) continue;
            out.append(needed) += '\n';
        }
        if (chosen) out.append(line) += '\n';
    };
    for (std::size_t i = 0; i < every_section.size(); ++i) {
        const SectionLines& one = every_section[i];
        const bool above = one.header == "[service.pricer]" && section == "[service.pricer.tls]";
        if (i < always_there || above || one.header == section) add(one, one.header == section);
    }
    return out;
}

inline std::string told(const std::string& text) {
    auto config = config::parse(text, "m.toml");
    return config ? "good" : config.error().message;
}

// The keys of a section, as its fault for an unknown one lists them.
inline std::vector<std::string> keys_known_in(std::string_view section) {
    constexpr std::string_view list = "known here: ";
    const std::string message = told(with_line(section, "zzz = 1"));
    std::vector<std::string> out;
    std::size_t at = message.find(list);
    while (at != std::string::npos) {
        at += at == message.find(list) ? list.size() : 2;
        const std::size_t end = message.find(", ", at);
        out.push_back(message.substr(at, end == std::string::npos ? end : end - at));
        at = end;
    }
    return out;
}

// What is told of each of `values` in each key of each section, and of a section and a key that nobody knows.
inline std::string every_fault(const std::vector<std::string_view>& values) {
    std::string out = told(with_line("[zzz]", "") + "[zzz]\n") + '\n';
    for (const SectionLines& section : every_section) {
        out.append(section.header).append(" zzz = 1\n") += told(with_line(section.header, "zzz = 1")) + '\n';
        for (const std::string& key : keys_known_in(section.header)) {
            for (std::string_view value : values) {
                const std::string line = key + " = " + std::string(value);
                out.append(section.header).append(" ").append(line) += '\n';
                out += told(with_line(section.header, line)) + '\n';
            }
        }
    }
    return out;
}

}  // namespace millrace
