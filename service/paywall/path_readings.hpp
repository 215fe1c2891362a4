// What other servers make of a path: each reading is the path as some kind of server compares it with its own. Where two
// readings are sold differently, nobody knows what the request would get, and it is refused (route.hpp).
//
//   quirk             a server that ...                                          "/a%2Fb;x=1/c.%20"
//   encoded_slash     decodes "%2F" (Flask, Express' static files)                "/a/b;x=1/c. "
//   decoded_again     decodes what was decoded, or sends it on undecoded (nginx with $uri in proxy_pass)
//   escapes_kept      compares "%40" and its like as they are written (Express, Go's ServeMux by EscapedPath)
//   file_name         is on a Windows file system: ". " at the end of a name, ":stream"   "/a%2Fb;x=1/c"
//   as_sent           gets the path from a front proxy as the client wrote it: "//", "/./", "/../", needless escapes
//   parameters        leaves out a ";" and what follows it in a segment (servlet containers)  "/a%2Fb/c. "
//
// A server may have several of these quirks at once, so that all combinations are read which the path gives occasion for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::paywall {

enum class Quirk { none, encoded_slash, decoded_again, escapes_kept, file_name, as_sent, parameters };

// What to tell a client whose path is read differently for this reason: a sentence that says what to do.
[[nodiscard]] std::string_view advice(Quirk quirk);

// One reading: decoded, without dot segments, slashes merged; and the same without parameters, as `kept` where there are
// none.
struct PathReading {
    std::string kept;
    std::string cut;            // at each ";" as it is written (servlet containers)
    std::string cut_decoded;    // at "%3B" too
    std::string cut_last;       // in the last segment alone (Python's urlparse, RFC 2396's predecessors)
    Quirk quirk = Quirk::none;  // the first that it takes
    [[nodiscard]] bool has_parameters() const { return cut != kept || cut_decoded != kept || cut_last != kept; }
    [[nodiscard]] bool reads_as(const PathReading& other) const {
        return kept == other.kept && cut == other.cut && cut_decoded == other.cut_decoded && cut_last == other.cut_last;
    }
};

struct PathReadings {
    PathReading plain;                // without quirks
    std::vector<PathReading> others;  // as far as they differ from it
};

// `path` is encoded, without query, in the form in which it is forwarded: dot segments resolved, slashes merged. Empty
// where the path hides a dot segment or a control character from us, or would take too long to read in all ways.
[[nodiscard]] std::optional<PathReadings> read_path(std::string_view path);

// A decoded path in one encoding, "%2F" staying as it is.
[[nodiscard]] std::string encode_path(std::string_view path);

// Where a front proxy hands on `path` as the client sent it: the readings of a server that does not bring it into its
// normal form, with escapes and without.
[[nodiscard]] std::vector<PathReading> read_as_sent(std::string_view path);

}  // namespace millrace::paywall
