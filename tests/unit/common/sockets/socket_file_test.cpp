#include "common/sockets/socket_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/unit/catch.hpp"

using namespace millrace;

TEST_CASE("a stale socket is replaced, one that is served is left alone, and so is a file") {
    const std::string path = "/tmp/millrace-test-" + std::to_string(::getpid()) + ".sock";
    ::unlink(path.c_str());
    {
        auto first = SocketFile::listen(path);
        REQUIRE(first);
        CHECK(is(SocketFile::listen(path).error(), SocketErrc::in_use));
        ::close(first->release());  // as kill -9: the file stays
        auto second = SocketFile::listen(path);
        REQUIRE(second);
        // The first one's end does not take the second one's file.
        first->remove();
        CHECK(::access(path.c_str(), F_OK) == 0);
    }
    CHECK(::access(path.c_str(), F_OK) != 0);
    std::ofstream(path) << "precious";
    CHECK(is(SocketFile::listen(path).error(), SocketErrc::not_a_socket));
    CHECK(::access(path.c_str(), F_OK) == 0);
    ::unlink(path.c_str());
}

TEST_CASE("a path longer than a socket's address is reached all the same") {
    const std::string folder = "/tmp/millrace-test-" + std::to_string(::getpid()) + "-" + std::string(120, 'd');
    REQUIRE(::mkdir(folder.c_str(), 0700) == 0);
    {
        auto file = SocketFile::listen(folder + "/m.sock");
        REQUIRE(file);
        CHECK(::access((folder + "/m.sock").c_str(), F_OK) == 0);
        CHECK(is(SocketFile::listen(folder + "/m.sock").error(), SocketErrc::in_use));
    }
    CHECK(::rmdir(folder.c_str()) == 0);
}

TEST_CASE("the file has the mode it is given, whatever the umask") {
    const std::string path = "/tmp/millrace-test-" + std::to_string(::getpid()) + ".sock";
    for (mode_t umask : {0000U, 0022U, 0077U}) {
        const mode_t before = ::umask(umask);
        for (mode_t mode : {0600U, 0660U, 0666U}) {
            auto file = SocketFile::listen(path, mode);
            REQUIRE(file);
            struct stat made {};
            REQUIRE(::stat(path.c_str(), &made) == 0);
            CHECK((made.st_mode & 0777U) == mode);
        }
        ::umask(before);
    }
}
