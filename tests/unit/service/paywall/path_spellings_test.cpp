// Random spellings of paths against models of servers, each under the line that the manual has for it (millraced.toml(5),
// "Paths"): what the server makes of the path is never dearer than what was charged. The models are written without the
// product's code; tests/interop/test_paths.py does the same over real servers.
#include <algorithm>

#include "service/config/load.hpp"
#include "service/paywall/route.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

using namespace millrace;

namespace {

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string unquoted(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool escape = text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
        out += escape ? static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])) : text[i];
        if (escape) i += 2;
    }
    return out;
}

std::vector<std::string> split(const std::string& path) {
    std::vector<std::string> out;
    for (std::size_t at = 1; at <= path.size();) {
        std::size_t end = std::min(path.find('/', at), path.size());
        out.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

// RFC 3986 §5.2.4 with slashes merged.
std::string normal(const std::string& path) {
    std::vector<std::string> kept;
    std::vector<std::string> all = split(path);
    for (const std::string& one : all) {
        if (one == "..") {
            if (!kept.empty()) kept.pop_back();
        } else if (!one.empty() && one != ".") {
            kept.push_back(one);
        }
    }
    std::string out;
    for (const std::string& one : kept) out += '/' + one;
    bool slash = all.empty() || all.back().empty() || all.back() == "." || all.back() == "..";
    return out.empty() || slash ? out + '/' : out;
}

std::string cut_segments(const std::string& path) {
    std::string out;
    for (const std::string& one : split(path)) out += '/' + one.substr(0, one.find(';'));
    return out;
}

std::string lower(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
}

std::string without_slash(std::string path) {
    if (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

std::string nginx(const std::string& path) {
    return normal(unquoted(path));
}
// Routes are compared as they are written.
std::string express(const std::string& path) {
    return without_slash(lower(path));
}
std::string express_static(const std::string& path) {
    return without_slash(lower(normal(unquoted(path))));
}
// Since Go 1.22 a mux splits first; a path that is not clean is redirected, so that nothing is served.
std::string go_mux(const std::string& path) {
    std::string out;
    for (const std::string& one : split(path)) {
        std::string decoded = unquoted(one);
        std::replace(decoded.begin(), decoded.end(), '/', '\x01');  // in a segment it is a slash of no pattern
        out += '/' + decoded;
    }
    return normal(out) == out ? out : std::string();
}
std::string go_path(const std::string& path) {
    std::string decoded = unquoted(path);
    return normal(decoded) == decoded ? decoded : std::string();
}
std::string wsgi(const std::string& path) {
    return normal(unquoted(path));
}
// urllib.parse.urlparse cuts in the last segment alone.
std::string urlparse(const std::string& path) {
    std::size_t last = path.rfind('/');
    return normal(unquoted(path.substr(0, path.find(';', last))));
}
std::string servlet(const std::string& path) {
    return normal(unquoted(cut_segments(path)));
}
std::string servlet_late(const std::string& path) {
    return normal(cut_segments(unquoted(path)));
}
std::string iis(const std::string& path) {
    std::string out;
    std::string decoded = normal(lower(unquoted(path)));
    std::replace(decoded.begin(), decoded.end(), '\\', '/');
    for (std::string one : split(decoded)) {
        std::size_t stream = one.find("::$");
        if (stream != std::string::npos) one.resize(stream);
        while (!one.empty() && (one.back() == '.' || one.back() == ' ')) one.pop_back();
        out += '/' + one;
    }
    // No name there has a colon in it.
    return out.find(':') == std::string::npos ? without_slash(normal(out)) : std::string();
}
std::string behind_uri(const std::string& path) {  // nginx with $uri, a server behind it
    std::string sent = nginx(path);
    return normal(unquoted(sent.substr(0, sent.find_first_of("?#"))));
}
std::string overlong(const std::string& path) {
    std::string out = unquoted(path);
    for (const auto& [bytes, c] : {std::pair{"\xc0\xaf", '/'}, std::pair{"\xc0\xae", '.'}}) {
        for (std::size_t at = out.find(bytes); at != std::string::npos; at = out.find(bytes)) out.replace(at, 2, 1, c);
    }
    return normal(out);
}

struct Server {
    const char* name;
    const char* line;
    std::string (*reads)(const std::string& path);
};

constexpr const char* none = "";
constexpr const char* keep = "paths = { parameters = \"keep\" }\n";
constexpr const char* cut = "paths = { parameters = \"cut\" }\n";
constexpr const char* express_line = "paths = { parameters = \"keep\", case = \"fold\", slash = \"ignore\" }\n";
constexpr const char* windows_line = "paths = { case = \"fold\", slash = \"ignore\" }\n";

constexpr Server servers[] = {
    {"nginx", keep, nginx},
    {"Express", express_line, express},
    {"Express' static files", express_line, express_static},
    {"Go's mux", keep, go_mux},
    {"Go's URL.Path", keep, go_path},
    {"WSGI", keep, wsgi},
    {"urlparse", none, urlparse},
    {"a servlet container", cut, servlet},
    {"one that decodes first", cut, servlet_late},
    {"Windows", windows_line, iis},
    {"nginx with $uri", none, behind_uri},
    {"a lenient decoder", none, overlong},
    // Where nothing is said in the configuration.
    {"nginx, by default", none, nginx},
    {"Go, by default", none, go_mux},
    {"a servlet container, by default", none, servlet},
    {"one that decodes first, by default", none, servlet_late},
};

const std::string terms =
    "free = [\"/pub/\", \"/docs/open\", \"/img/*.png\", \"/a@b\"]\nauth_only = [\"/keys\"]\n"
    "[[service.route]]\nname = \"edit\"\npath = \"/docs/edit\"\nprice_msat = 90000\n"
    "[[service.route]]\nname = \"dir\"\npath = \"/docs/dir/\"\nprice_msat = 50000\n"
    "[[service.route]]\nname = \"image\"\npath = \"/shop/*/image\"\nprice_msat = 70000\n"
    "[[service.route]]\nname = \"cheap\"\npath = \"/docs/cheap\"\nprice_msat = 10\n";

std::vector<config::Service> site(const std::string& line, const std::string& more) {
    std::string text = "[listen]\naddress=\"127.0.0.1:1\"\n[node]\ngateway=\"g\"\n[store]\npath=\"s\"\n";
    auto add = [&](const char* name, const char* path, const std::string& rest) {
        text += std::string("[[service]]\nname=\"") + name + "\"\npath=\"" + path +
                "\"\nupstream=\"http://127.0.0.1:1\"\nprice_msat=1000\n" + line + rest;
    };
    add("api", "/api/", "[[service.route]]\nname = \"big\"\npath = \"/api/big\"\nprice_msat = 80000\n");
    add("all", "/", more + terms);
    return config::parse(text, "t.toml").value().services;
}

constexpr std::uint64_t never_sold = 1'000'000'000;

std::uint64_t worth(const std::vector<config::Service>& services, const paywall::RouteMatch& match) {
    if (match.access == paywall::Access::free) return 0;
    if (match.access == paywall::Access::auth_only) return never_sold;
    const config::Service& service = services[match.service];
    return match.route ? service.routes[*match.route].price->value() : service.price.value();
}

std::string spelling(test::Random& random) {
    constexpr const char* resources[] = {
        "/docs/edit",      "/docs/edit/x", "/docs/dir/a", "/docs/open", "/pub/a/b",
        "/img/secret.png", "/img/secret",  "/keys",       "/docs/dir/", "/shop/cat/image",
        "/api/big",        "/api/small",   "/docs/cheap", "/a@b",       "/docs/other"};
    constexpr const char* insertions[] = {
        ";",    ";x",   ";/x",      ";a=b/x", "/;x",   ";.png",  "//",      "/./",     "/../",     "/x/../",
        "%2F",  "%2f",  "%5C",      "\\",     ".",     "%2e",    "%20",     "::$DATA", "%3Fx",     "%23x",
        "%3B",  "%3bx", "/",        "%252F",  "%00",   "%c0%af", "%2e%2e/", "/..;/",   "/%2e%2e/", "..%2F",
        ".png", "%25",  "/pub/../", "%253Fx", "%2520", ". ",     "/.;x/",   "/pub;/",  "$",        ":"};
    std::string path = resources[random.below(std::size(resources))];
    for (std::uint64_t left = 1 + random.below(4); left > 0; --left) {
        std::size_t at = static_cast<std::size_t>(random.below(path.size()));
        char c = path[at];
        char code[8];
        switch (random.below(6)) {
            case 0:  // an escape
                std::snprintf(code, sizeof code, random.below(2) ? "%%%02x" : "%%%02X", static_cast<unsigned char>(c));
                if (at > 0 && c != '%') path.replace(at, 1, code);
                break;
            case 1:  // a double one
                std::snprintf(code, sizeof code, "%%25%02x", static_cast<unsigned char>(c));
                if (at > 0 && c != '%') path.replace(at, 1, code);
                break;
            case 2:
                if (c >= 'a' && c <= 'z') path[at] = static_cast<char>(c - 32);
                break;
            case 3:
                path += insertions[random.below(std::size(insertions))];
                break;
            default:
                path.insert(at + 1, insertions[random.below(std::size(insertions))]);
        }
    }
    return path;
}

// How many spellings were let through to the server.
std::size_t try_spellings(std::uint64_t seed, std::size_t count, const std::string& more, paywall::Carried carried) {
    test::Random random(seed);
    std::vector<std::vector<config::Service>> sites;
    for (const Server& server : servers) sites.push_back(site(server.line, more));
    std::size_t passed = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t which = static_cast<std::size_t>(random.below(std::size(servers)));
        const Server& server = servers[which];
        const paywall::RouteTable table(sites[which]);
        const std::string written = spelling(random);
        paywall::RequestTarget target;
        if (paywall::parse_target(written, target, carried) != nullptr) continue;
        const paywall::Lookup charged = table.find("h", "GET", target);
        if (!charged.match) continue;
        ++passed;
        const std::string read = server.reads(carried == paywall::Carried::as_sent ? written : target.forward);
        if (read.empty()) continue;
        paywall::RequestTarget resource;
        const std::string plain = paywall::encode_path(read);
        if (paywall::parse_target(plain, resource) != nullptr || resource.forward != plain)
            continue;  // nothing has that name
        // A resource has the price of its own name, plainly written.
        paywall::RequestTarget name;
        name.path = read;
        const paywall::Lookup served = table.find("h", "GET", name);
        const std::uint64_t due = served.match ? worth(sites[which], *served.match) : 0;
        const std::uint64_t paid = worth(sites[which], *charged.match);
        INFO(server.name << ": " << written << " sent as " << target.forward << " is read as " << read << ": " << due
                         << " for " << paid);
        if (due > paid) {
            CHECK(due <= paid);
            return passed;
        }
    }
    return passed;
}

}  // namespace

TEST_CASE("M12: in no spelling is a path served that is dearer than what was charged") {
    CHECK(try_spellings(1, 60'000, "", paywall::Carried::as_forwarded) > 10'000);
}

TEST_CASE("M12: nor where what no route names is refused") {
    CHECK(try_spellings(2, 20'000, "unmatched = \"refuse\"\n", paywall::Carried::as_forwarded) > 2'000);
}

TEST_CASE("M12: nor where a front proxy carries on what the client wrote") {
    CHECK(try_spellings(3, 20'000, "", paywall::Carried::as_sent) > 2'000);
}
