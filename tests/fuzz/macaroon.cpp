// Macaroons in V1 and V2: what is read is written as V2 and read as the same, and a holder can go on from it.
#include "common/macaroon/macaroon.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace millrace {
namespace {

using macaroon::Macaroon;

void require_same(const Macaroon& left, const Macaroon& right) {
    FUZZ_REQUIRE(left.location == right.location);
    FUZZ_REQUIRE(left.identifier == right.identifier);
    FUZZ_REQUIRE(left.signature == right.signature);
    FUZZ_REQUIRE(left.caveats.size() == right.caveats.size());
    for (std::size_t i = 0; i < left.caveats.size(); ++i) {
        FUZZ_REQUIRE(left.caveats[i].identifier == right.caveats[i].identifier);
        FUZZ_REQUIRE(left.caveats[i].vid == right.caveats[i].vid);
        FUZZ_REQUIRE(left.caveats[i].location == right.caveats[i].location);
    }
}

}  // namespace
}  // namespace millrace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    const Result<Macaroon> read = macaroon::decode({data, size});
    if (!read) return 0;
    FUZZ_REQUIRE(read->caveats.size() <= macaroon::max_caveats);
    const Bytes written = macaroon::encode_v2(*read);
    FUZZ_REQUIRE(written.size() <= size);  // no form is shorter than ours
    const Result<Macaroon> again = macaroon::decode(written);
    FUZZ_REQUIRE(again);
    require_same(*again, *read);
    FUZZ_REQUIRE(macaroon::encode_v2(*again) == written);
    // Nobody guesses a signature.
    FUZZ_REQUIRE(!read->verifies(as_bytes("a key that made none of the inputs")));

    Macaroon narrower = *read;
    narrower.add_first_party_caveat("x=1");
    FUZZ_REQUIRE(narrower.signature != read->signature);
    const Result<Macaroon> narrower_read = macaroon::decode(macaroon::encode_v2(narrower));
    const bool fits =
        narrower.caveats.size() <= macaroon::max_caveats && macaroon::encode_v2(narrower).size() <= macaroon::max_size;
    FUZZ_REQUIRE(narrower_read.has_value() == fits);
    if (fits) require_same(*narrower_read, narrower);
    return 0;
}
