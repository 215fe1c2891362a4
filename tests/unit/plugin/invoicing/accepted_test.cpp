#include "plugin/invoicing/accepted.hpp"

#include "common/crypto/hash.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::invoicing {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

const sys_seconds now{seconds(1795172000)};

PaymentHash hash_of(int number) {
    return PaymentHash::from_bytes(crypto::sha256(as_bytes(std::to_string(number)))).value();
}

std::vector<Accepted::Entry> entries(int first, int count, sys_seconds expires_at) {
    std::vector<Accepted::Entry> out;
    for (int i = first; i < first + count; ++i) out.push_back({hash_of(i), expires_at});
    return out;
}

// What the datastore would hold.
struct Stored {
    std::map<std::string, Bytes> chunks;

    void write(Accepted& accepted, std::vector<Accepted::Entry> left) {
        while (!left.empty()) {
            const auto write = accepted.next_write(left);
            REQUIRE(write.count > 0);
            Bytes& chunk = chunks[write.chunk];
            chunk.insert(chunk.end(), write.data.begin(), write.data.end());
            accepted.written(write);
            left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(write.count));
        }
    }
    [[nodiscard]] Accepted load() const {
        Accepted accepted;
        for (const auto& [name, data] : chunks) REQUIRE(accepted.load(name, data));
        return accepted;
    }
};

TEST_CASE("N4: what was written down is known, also after a start, and nothing else") {
    Stored stored;
    Accepted accepted;
    const auto some = entries(0, 700, now + seconds(600));
    const auto write = accepted.next_write(some);
    CHECK_FALSE(accepted.knows(some.front().hash));
    CHECK(write.count == Accepted::chunk_entries);
    CHECK(write.data.size() == Accepted::chunk_entries * Accepted::entry_size);
    stored.write(accepted, some);
    CHECK(stored.chunks.size() == 3);
    for (const Accepted& each : {accepted, stored.load()}) {
        CHECK(each.size() == 700);
        for (int i = 0; i < 700; ++i) CHECK(each.knows(hash_of(i)));
        CHECK_FALSE(each.knows(hash_of(700)));
    }
}

TEST_CASE("N4: an entry that stands there twice, or is cut short, does no harm") {
    Stored stored;
    Accepted accepted;
    stored.write(accepted, entries(0, 3, now));
    Bytes& chunk = stored.chunks.begin()->second;
    chunk.insert(chunk.end(), chunk.begin(), chunk.begin() + Accepted::entry_size);
    chunk.push_back(7);
    Accepted again = stored.load();
    CHECK(again.size() == 3);
    for (const char* name : {"", "x", "0000000x", "-1"}) CHECK_FALSE(Accepted().load(name, chunk));
}

TEST_CASE("N4: a chunk goes when the last of its challenges has expired, a while after") {
    Stored stored;
    Accepted accepted;
    stored.write(accepted, entries(0, 256, now + seconds(90)));
    stored.write(accepted, entries(256, 10, now + seconds(600)));
    CHECK(accepted.drop_spent(now + seconds(90)).empty());
    CHECK(accepted.drop_spent(now + seconds(90) + Accepted::grace - seconds(1)).empty());
    CHECK(accepted.drop_spent(now + seconds(90) + Accepted::grace) == std::vector<std::string>{"00000000"});
    CHECK_FALSE(accepted.knows(hash_of(0)));
    CHECK(accepted.knows(hash_of(256)));
    CHECK(accepted.size() == 10);
    CHECK(accepted.drop_spent(now + seconds(600) + Accepted::grace) == std::vector<std::string>{"00000001"});
    CHECK(accepted.size() == 0);
    // What comes now goes into a chunk that nobody is deleting.
    CHECK(accepted.next_write(entries(1, 1, now)).chunk == "00000002");
}

TEST_CASE("N4: one that is in two chunks is known until the second goes") {
    Stored stored;
    Accepted accepted;
    stored.write(accepted, entries(0, 256, now));
    stored.write(accepted, entries(0, 1, now + seconds(86400)));
    CHECK(accepted.drop_spent(now + Accepted::grace).size() == 1);
    CHECK(accepted.knows(hash_of(0)));
    CHECK_FALSE(accepted.knows(hash_of(1)));
}

}  // namespace
}  // namespace millrace::invoicing
