#include "service/config/path_pattern.hpp"

#include "tests/unit/catch.hpp"

using millrace::config::PathPattern;

TEST_CASE("a path pattern covers what it says") {
    struct {
        const char* pattern;
        const char* path;
        bool covers;
        bool names;
    } const cases[] = {
        {"/a/", "/a/", true, true},
        {"/a/", "/a/b", true, true},
        {"/a/", "/a", false, false},
        {"/a", "/a", true, true},
        {"/a", "/a/b", true, false},
        {"/a", "/ab", false, false},
        {"/", "/x/y", true, true},
        {"/v1/*/images", "/v1/cats/images", true, true},
        {"/v1/*/images", "/v1//images", true, true},
        {"/v1/*/images", "/v1/a/b/images", false, false},
        {"/v1/*/images", "/v1/cats/images/x", false, false},
        {"/v1/**", "/v1/", true, true},
        {"/v1/**", "/v1/a/b/c", true, true},
        {"/v1/**", "/v1", false, false},
        {"/**/end", "/a/b/end", true, true},
        {"/**/end", "/end", false, false},
        {"/**/a*c", "/x/abc/abd/abc", true, true},
        {"/**/a*c/d", "/x/abc/abb/d", false, false},
        {"/*.css", "/a.css", true, true},
        {"/*.css", "/a.css.map", false, false},
        {"/*a*a*a*", "/aa", false, false},
        {"/*a*a*a*", "/xaxaxax", true, true},
        {"/*", "/", true, true},
    };
    for (const auto& c : cases) {
        INFO(c.pattern << " " << c.path);
        CHECK(PathPattern(c.pattern).covers(c.path) == c.covers);
        CHECK(PathPattern(c.pattern).names(c.path) == c.names);
    }
}

TEST_CASE("matching many stars against a long path takes no long time") {
    std::string pattern = "/**";
    for (int i = 0; i < 20; ++i) pattern += "a*b**";
    CHECK_FALSE(PathPattern(pattern + "z").covers("/" + std::string(16 * 1024, 'a')));
}

TEST_CASE("an earlier pattern hides a later one only where that is certain") {
    struct {
        const char* earlier;
        const char* later;
        bool hides;
    } const cases[] = {
        {"/a/", "/a/b/", true}, {"/a", "/a/", true},     {"/a/", "/a", false},       {"/a/b/", "/a/", false},
        {"/", "/x", true},      {"/a/", "/a/*/b", true}, {"/a/b/", "/a/*/b", false}, {"/a", "/a*", false},
        {"/a", "/a/*", true},   {"/a/*", "/a/*", true},  {"/a/*", "/a/b", false},    {"/**", "/a/*", true},
    };
    for (const auto& c : cases) {
        INFO(c.earlier << " " << c.later);
        CHECK(PathPattern(c.earlier).hides(PathPattern(c.later)) == c.hides);
    }
}

TEST_CASE("the root of a pattern is the path below which it all lies") {
    CHECK(PathPattern("/a").root() == "/a");
    CHECK(PathPattern("/a/").root() == "/a/");
    CHECK(PathPattern("/v1/*/images").root() == "/v1/");
    CHECK(PathPattern("/v1/x*").root() == "/v1/");
    CHECK(PathPattern("/**").root() == "/");
}

TEST_CASE("a pattern that was never set stands for nothing") {
    const PathPattern none;
    CHECK_FALSE(none.covers("/"));
    CHECK_FALSE(none.covers(""));
    CHECK_FALSE(none.names("/"));
    CHECK_FALSE(none.hides(none));
    CHECK_FALSE(none.hides(PathPattern("/a")));
    CHECK(none.root().empty());
}
