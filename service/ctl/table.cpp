#include "service/ctl/table.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <optional>

#include "common/codec/log_text.hpp"
#include "common/payment/timestamp.hpp"

namespace millrace::ctl {
namespace {

namespace json = boost::json;

// Unix seconds: the admin API names them "at", "start" or "..._at".
bool is_time(std::string_view key) {
    const std::string_view name = key.substr(key.rfind('.') + 1);
    return name == "at" || name == "start" || name.ends_with("_at");
}

std::optional<std::int64_t> whole(const json::value& value) {
    if (value.is_int64()) return value.get_int64();
    if (value.is_uint64()) return static_cast<std::int64_t>(value.get_uint64());
    return std::nullopt;
}

std::string cell(std::string_view key, const json::value& value) {
    if (value.is_null()) return "-";
    if (value.is_string()) return codec::log_text(value.get_string());
    if (auto number = whole(value); number && is_time(key))
        return payment::write_timestamp(std::chrono::sys_seconds(std::chrono::seconds(*number)));
    if (value.is_array()) {
        std::string out;
        for (const json::value& one : value.get_array()) out += (out.empty() ? "" : ", ") + cell("", one);
        return out.empty() ? "-" : out;
    }
    return codec::log_text(json::serialize(value));
}

// Characters, not bytes: what follows another in UTF-8 is not counted.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

std::string table(const json::array& rows, const std::vector<std::string_view>& columns) {
    std::vector<std::vector<std::string>> lines{{columns.begin(), columns.end()}};
    std::vector<std::size_t> widths;
    std::vector<bool> right;
    for (std::string_view column : columns) {
        widths.push_back(width(column));
        right.push_back(column.ends_with("_msat") || column == "count" || column == "id" || column == "uses" ||
                        column == "bytes" || column == "first_uses" || column == "grants");
    }
    for (const json::value& row : rows) {
        std::vector<std::string>& line = lines.emplace_back();
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const json::value* value = row.is_object() ? row.get_object().if_contains(columns[i]) : nullptr;
            line.push_back(value ? cell(columns[i], *value) : "-");
            widths[i] = std::max(widths[i], width(line.back()));
        }
    }
    std::string out;
    for (const auto& line : lines) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            std::string space(widths[i] - width(line[i]), ' ');
            bool last = i + 1 == columns.size();
            out += right[i] ? space + line[i] : line[i] + (last ? "" : space);
            out += last ? "\n" : "  ";
        }
    }
    return out;
}

// Members one a line, those of inner objects under "outer.inner".
void flatten(const std::string& prefix, const json::object& object,
             std::vector<std::pair<std::string, std::string>>& out) {
    for (const auto& [key, value] : object) {
        std::string name = prefix + std::string(key);
        if (value.is_object())
            flatten(name + '.', value.get_object(), out);
        else
            out.emplace_back(name, cell(name, value));
    }
}

std::string members(const json::object& answer) {
    std::vector<std::pair<std::string, std::string>> lines;
    flatten({}, answer, lines);
    std::size_t longest = 0;
    for (const auto& [name, text] : lines) longest = std::max(longest, width(name));
    std::string out;
    for (const auto& [name, text] : lines) out += name + std::string(longest - width(name) + 2, ' ') + text + '\n';
    return out;
}

}  // namespace

std::string to_text(const json::object& answer, const View& view) {
    const json::value* rows = view.rows.empty() ? nullptr : answer.if_contains(view.rows);
    if (!rows || !rows->is_array()) return members(answer);
    std::string out = table(rows->get_array(), view.columns);
    const json::value* next = answer.if_contains("next_cursor");
    if (next && next->is_string()) out += "more: --cursor " + cell("", *next) + '\n';
    return out;
}

}  // namespace millrace::ctl
