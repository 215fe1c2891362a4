// Real and computed L402 texts that several tests share.
#pragma once

#include <string>

#include "common/codec/base64.hpp"
#include "common/codec/hex.hpp"
#include "common/macaroon/macaroon.hpp"

namespace millrace::l402::fixtures {

// A challenge of a real Aperture: https://github.com/Tierion/lsat-js, tests/data.ts.
constexpr const char* aperture_macaroon =
    "AgEEbHNhdAJCAAAwpHpumws6ufQoDwiTLNcge0QPUIWA0+tVY+tKPYAJ/"
    "zSfmEGlIpNm3VzxuzCqLhEp5KGiyPLUM9L+kcB7uzS+AAIPc2VydmljZXM9bWVtZTow"
    "AAISbWVtZV9jYXBhYmlsaXRpZXM9AAAGILA1VCEIExukt4nG+XR9tX8WJ2BVMiHG3UNt1uYJ+NRD";
constexpr const char* aperture_invoice =
    "lnbcrt100n1p3qqkygpp5xzj85m5mpvatnapgpuyfxtxhypa5gr6sskqd8664v04550vqp8lsdq8f3f5z4qcqzpgsp5tpzvsq5pckqgln3ltpy3e9c"
    "f6tf2aj82ffa"
    "2tted77ltweuaweks9qyyssq0w5da3k40wtdukac7hp5s58hsxf8k8f52c5qneezu4xg3xh87xrnkl5jwtw098d2gjywx20nmkxl2y4vq9fr89kg5k"
    "zcwupv9xpdag"
    "gp4fc4ms";
constexpr const char* aperture_hash = "30a47a6e9b0b3ab9f4280f08932cd7207b440f508580d3eb5563eb4a3d8009ff";
constexpr const char* aperture_token_id = "349f9841a5229366dd5cf1bb30aa2e1129e4a1a2c8f2d433d2fe91c07bbb34be";

// The token of js-lightning-tools' tests: https://github.com/getAlby/js-lightning-tools, src/402/l402/l402.test.ts.
constexpr const char* alby_macaroon =
    "AgEEbHNhdAJCAAAClGOZrh7C569Yc7UMk8merfnMdIviyXr1qscW7VgpChNl21LkZ8Jex5QiPp+E1VaabeJDuWmlrh/"
    "j583axFpNAAIXc2VydmljZXM9cmFuZG9tbnVt"
    "YmVyOjAAAiZyYW5kb21udW1iZXJfY2FwYWJpbGl0aZVzPWFkZCxzdWJ0cmFjdAAABiAvFpzXGyc+8d/I9nMKKvAYP8w7kUlhuxS0eFN2sqmqHQ==";

// A whole token computed from public constants by two independent implementations of the format:
// root key 00 01 .. 1f, preimage 32 times aa, token id 40 41 .. 5f.
constexpr const char* computed_root_key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
constexpr const char* computed_preimage = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
constexpr const char* computed_hash = "e0e77a507412b120f6ede61f62295b1a7b2ff19d3dcc8f7253e51663470c888e";
constexpr const char* computed_token_id = "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f";
constexpr const char* computed_identifier_sha256 = "42662b11421f63d3f5aa75a4e45b0ec5f04aa468eb9eab9c8d2e09d0c54809a8";
constexpr const char* computed_signature = "e15da82a13831e4688deabbc1035810fefbec8b8ae38f175d1e30ce82e10a34b";
// The signature once `preimage=<hex>` is appended, as lnget and Aperture's client send it.
constexpr const char* computed_signature_with_preimage =
    "c2df48ecb9d6ea587d0d2895e8342e3a96a4d86c8a49ee0568d55d7ac0081d8a";
constexpr const char* computed_macaroon =
    "AgEEbHNhdAJCAADg53pQdBKxIPbt5h9iKVsaey/"
    "xnT3Mj3JT5RZjRwyIjkBBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fAAITc2VydmljZXM9c2VydmljZTE6"
    "MAACInNlcnZpY2UxX2NhcGFiaWxpdGllcz1hZGQsc3VidHJhY3QAAh9zZXJ2aWNlMV92YWxpZF91bnRpbD0xNzM1Njg5NjAwAAAGIOFdqCoTgx5GiN"
    "6rvBA1gQ/vvsi4"
    "rjjxddHjDOguEKNL";

inline macaroon::Macaroon decode(std::string_view base64) {
    return macaroon::decode(codec::from_base64(base64).value()).value();
}

}  // namespace millrace::l402::fixtures
