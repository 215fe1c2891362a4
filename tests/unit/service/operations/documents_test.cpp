#include "service/operations/documents.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace::operations;

namespace {

const std::vector<Operation> rows = {
    {.command = "list",
     .method = "GET",
     .path = "/v1/things",
     .help = "",
     .says = "All of them.",
     .arguments = {{.name = "order_by", .type = "WHAT", .words = {"age", "size"}}, {.name = "since", .type = "TIME"}}},
    {.command = "thing make",
     .method = "POST",
     .path = "/v1/things/{thing_id}",
     .role = Role::write,
     .help = "",
     .says = "Make one.",
     .manual = "Make one, as\n.Cm list\nshows it.",
     .arguments = {{.name = "thing_id", .place = Place::path, .type = "ID", .required = true},
                   {.name = "definition", .place = Place::document, .type = "FILE", .required = true},
                   {.name = "max_size", .place = Place::body, .type = "N", .required = true},
                   {.name = dry_run_name, .kind = Kind::flag}}},
};

}  // namespace

TEST_CASE("a manual page lists each command with its arguments and what it does") {
    CHECK(manual_items(rows) ==
          ".It Cm list Oo Fl Fl order-by Cm age | size Oc Op Fl Fl since Ar time\n"
          "All of them.\n"
          ".It Cm thing make Ar id Ar file Ar max-size\n"
          "Make one, as\n.Cm list\nshows it.\n");
}

TEST_CASE("bash completion knows commands, options, their words, and what takes a file") {
    CHECK(completion_arrays(rows) ==
          "declare -gA _millrace_ctl_words=(\n"
          "    ['-']='list thing mcp'\n"
          "    ['list']='--order-by --since'\n"
          "    ['thing']='make'\n"
          "    ['thing make']=''\n"
          ")\n"
          "declare -gA _millrace_ctl_values=(\n"
          "    ['--order-by']='age size'\n"
          "    ['--since']=''\n"
          ")\n"
          "declare -gA _millrace_ctl_files=(\n"
          "    ['thing make']='1'\n"
          ")\n");
}

TEST_CASE("documents are filled in where they say so, and are otherwise left as they are") {
    CHECK(fill_in("a\n@commands@\nb\n", "x\ny\n") == "a\nx\ny\nb\n");
    CHECK(fill_in("a\n", "x\n") == "a\n");
}
