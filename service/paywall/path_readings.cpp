#include "service/paywall/path_readings.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/codec/ascii.hpp"

namespace millrace::paywall {
namespace {

// Bytes that all readings of a path may have together.
constexpr std::size_t max_read = 64 * 1024;

enum class Cut { nothing, written, decoded, last };

// Which quirks the server has.
struct Reader {
    bool encoded_slash = false;
    bool decoded_again = false;
    bool escapes_kept = false;
    bool file_name = false;
    Cut cut = Cut::nothing;
};

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The character that is encoded at `at`; empty where none is.
std::optional<char> decode_at(std::string_view text, std::size_t at) {
    if (text[at] != '%' || at + 2 >= text.size()) return std::nullopt;
    int high = hex_value(text[at + 1]);
    int low = hex_value(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    return static_cast<char>(high * 16 + low);
}

// May stand in a path as it is, and is often encoded all the same.
bool may_stand_plain(char c) {
    return std::string_view("!$&'()*+,=:@;").find(c) != std::string_view::npos;
}

template <class Use>
void for_each_segment(std::string_view path, Use use) {
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        std::size_t end = std::min(path.find('/'), path.size());
        use(path.substr(0, end), end == path.size());
        path.remove_prefix(end);
    }
}

template <class Change>
std::string change_segments(std::string_view path, Change change) {
    std::string out;
    for_each_segment(path, [&](std::string_view segment, bool) { out.append("/").append(change(segment)); });
    return out;
}

std::string_view without_parameters(std::string_view segment) {
    return segment.substr(0, segment.find(';'));
}

std::string cut_last_segment(std::string_view path) {
    std::size_t last = path.rfind('/');
    return std::string(path.substr(0, path.find(';', last == std::string_view::npos ? 0 : last)));
}

// "edit.", "edit. .", "edit::$DATA", "edit:$I30:$INDEX_ALLOCATION" -> "edit"
std::string_view name_of_file(std::string_view segment) {
    std::size_t colon = segment.find(':');
    if (colon != std::string_view::npos && segment.find('$', colon) != std::string_view::npos)
        segment = segment.substr(0, colon);
    std::size_t end = segment.find_last_not_of(". ");
    return segment.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

std::string decode(std::string_view path, const Reader& reader) {
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        auto decoded = decode_at(path, i);
        bool kept = !decoded || (*decoded == '/' && !reader.encoded_slash) ||
                    (reader.escapes_kept && may_stand_plain(*decoded));
        if (!decoded) {
            out += path[i];
        } else {
            if (kept)
                out.append(path.substr(i, 3));
            else
                out += *decoded;
            i += 2;
        }
    }
    return out;
}

std::string decode_again(std::string_view path) {
    path = path.substr(0, path.find_first_of("?#"));
    Reader all;
    all.encoded_slash = true;
    return decode(path, all);
}

bool is_dots(std::string_view segment) {
    std::string_view name = segment.substr(0, segment.find(';'));
    std::size_t end = name.find_last_not_of(' ');
    name = name.substr(0, end == std::string_view::npos ? 0 : end + 1);
    return name == "." || name == "..";
}

// Two bytes that lenient decoders take for the beginning of an ASCII character: "\xc0\xaf" for "/" (RFC 3629 §3).
bool is_overlong(char first, char second) {
    auto lead = static_cast<std::uint8_t>(first);
    auto next = static_cast<std::uint8_t>(second);
    if (next < 0x80 || next > 0xbf) return false;
    return lead == 0xc0 || lead == 0xc1 || (lead == 0xe0 && next < 0xa0) || (lead == 0xf0 && next < 0x90);
}

bool hides_something(std::string_view path) {
    bool found = false;
    for (std::size_t i = 0; i < path.size(); ++i) {
        auto byte = static_cast<std::uint8_t>(path[i]);
        bool overlong = i + 1 < path.size() && is_overlong(path[i], path[i + 1]);
        found = found || byte < 0x20 || byte == 0x7f || path[i] == '\\' || overlong;
    }
    for_each_segment(path, [&](std::string_view segment, bool) { found = found || is_dots(segment); });
    return found;
}

std::string merge_slashes(std::string_view path) {
    std::string out;
    for_each_segment(path, [&](std::string_view segment, bool last) {
        if (!segment.empty() || (last && (out.empty() || out.back() != '/'))) out.append("/").append(segment);
    });
    return out.empty() ? "/" : out;
}

// Empty where the path hides something.
std::optional<std::string> read_by(std::string_view path, const Reader& reader) {
    std::string out(path);
    if (reader.cut == Cut::last) out = cut_last_segment(out);
    if (reader.cut == Cut::written) out = change_segments(out, without_parameters);
    out = decode(out, reader);
    if (reader.decoded_again) out = decode_again(out);
    if (reader.cut == Cut::decoded) out = change_segments(out, without_parameters);
    if (hides_something(out)) return std::nullopt;
    if (reader.file_name) out = change_segments(out, name_of_file);
    return merge_slashes(out);
}

std::optional<PathReading> read_with_cuts(std::string_view path, Reader reader, bool parameters) {
    PathReading out;
    auto read = [&](Cut cut, std::string& into) {
        reader.cut = cut;
        auto text = read_by(path, reader);
        if (text) into = std::move(*text);
        return text.has_value();
    };
    if (!read(Cut::nothing, out.kept)) return std::nullopt;
    out.cut = out.cut_decoded = out.cut_last = out.kept;
    if (!parameters) return out;
    bool good = read(Cut::written, out.cut) && read(Cut::decoded, out.cut_decoded) && read(Cut::last, out.cut_last);
    if (!good) return std::nullopt;
    return out;
}

// What the path gives occasion for.
struct Occasions {
    std::vector<Quirk> quirks;
    bool parameters = false;
};

Occasions occasions_of(std::string_view path) {
    Occasions out;
    bool slash = false;
    bool escapes = false;
    bool again = false;
    bool again_encoded = false;
    for (std::size_t i = 0; i < path.size(); ++i) {
        auto decoded = decode_at(path, i);
        if (!decoded) {
            out.parameters = out.parameters || path[i] == ';';
            continue;
        }
        slash = slash || *decoded == '/';
        escapes = escapes || may_stand_plain(*decoded);
        out.parameters = out.parameters || *decoded == ';';
        again = again || *decoded == '?' || *decoded == '#';
        again_encoded = again_encoded || *decoded == '%';
        i += 2;
    }
    if (again_encoded) {
        std::string once = decode(path, {});
        for (std::size_t i = 0; i < once.size() && !again; ++i) again = decode_at(once, i).has_value();
        out.parameters = out.parameters || again;
    }
    if (slash) out.quirks.push_back(Quirk::encoded_slash);
    if (again) out.quirks.push_back(Quirk::decoded_again);
    if (escapes) out.quirks.push_back(Quirk::escapes_kept);
    bool file = again;
    for_each_segment(decode(path, {.encoded_slash = true}), [&](std::string_view segment, bool) {
        file = file || name_of_file(segment).size() != segment.size() ||
               name_of_file(without_parameters(segment)).size() != without_parameters(segment).size();
    });
    if (file) out.quirks.push_back(Quirk::file_name);
    return out;
}

}  // namespace

std::string_view advice(Quirk quirk) {
    switch (quirk) {
        case Quirk::encoded_slash:
            return "The path has \"%2F\", and is sold differently where that is read as \"/\": send it without.";
        case Quirk::decoded_again:
            return "The path is percent-encoded twice, or encodes \"?\" or \"#\", and is sold differently where it is "
                   "decoded twice: encode it once.";
        case Quirk::escapes_kept:
            return "The path percent-encodes a character that needs no encoding, and is sold differently with it as it "
                   "is: send the character itself.";
        case Quirk::file_name:
            return "A name in the path ends in a dot, a space or a \":stream\", and the path is sold differently "
                   "without "
                   "that: leave it out.";
        case Quirk::as_sent:
            return "The path has \"//\", \".\" or \"..\" or encodes plain characters, and is sold differently as it is "
                   "written: send its normal form.";
        case Quirk::parameters:
            return "The path has a \";parameter\", and is sold differently without it: leave it out.";
        case Quirk::none:
            break;
    }
    return "Services at this host compare this path in different ways: send it as the seller's documents write it.";
}

std::optional<PathReadings> read_path(std::string_view path) {
    PathReadings out;
    Occasions found = occasions_of(path);
    auto plain = read_with_cuts(path, {}, found.parameters);
    if (!plain) return std::nullopt;
    out.plain = std::move(*plain);
    std::size_t combinations = std::size_t{1} << found.quirks.size();
    if (combinations * (found.parameters ? 4 : 1) * path.size() > max_read) return std::nullopt;
    auto known = [&out](const PathReading& one) {
        auto same = [&one](const PathReading& other) { return one.reads_as(other); };
        return same(out.plain) || std::any_of(out.others.begin(), out.others.end(), same);
    };
    for (std::size_t set = 1; set < combinations; ++set) {
        Reader reader;
        Quirk first = Quirk::none;
        for (std::size_t i = 0; i < found.quirks.size(); ++i) {
            if ((set >> i & 1U) == 0) continue;
            Quirk quirk = found.quirks[i];
            if (first == Quirk::none) first = quirk;
            reader.encoded_slash = reader.encoded_slash || quirk == Quirk::encoded_slash;
            reader.decoded_again = reader.decoded_again || quirk == Quirk::decoded_again;
            reader.escapes_kept = reader.escapes_kept || quirk == Quirk::escapes_kept;
            reader.file_name = reader.file_name || quirk == Quirk::file_name;
        }
        auto reading = read_with_cuts(path, reader, found.parameters);
        if (!reading) return std::nullopt;
        reading->quirk = first;
        if (!known(*reading)) out.others.push_back(std::move(*reading));
    }
    return out;
}

std::string encode_path(std::string_view path) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        char c = path[i];
        char lower = codec::to_lower(c);
        bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '/' || may_stand_plain(c) ||
                     std::string_view("-._~").find(c) != std::string_view::npos || path.substr(i, 3) == "%2F";
        auto byte = static_cast<std::uint8_t>(c);
        if (plain)
            out += c;
        else
            out.append("%").append(1, hex[byte >> 4U]).append(1, hex[byte & 15U]);
    }
    return out;
}

std::vector<PathReading> read_as_sent(std::string_view path) {
    std::vector<PathReading> out;
    for (std::string text : {std::string(path), decode(path, {})}) {
        PathReading reading;
        reading.cut = reading.cut_decoded = change_segments(text, without_parameters);
        reading.cut_last = cut_last_segment(text);
        reading.kept = std::move(text);
        reading.quirk = Quirk::as_sent;
        out.push_back(std::move(reading));
    }
    return out;
}

}  // namespace millrace::paywall
