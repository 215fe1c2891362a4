// Proof of work for an L402 server that will make out no more invoices: the format of Aperture's pull request 205.
//
//   challenge  := L402 macaroon="<base64>", pow="<bits>"
//   solution   := a caveat pow=<bits>:<nonce hex>, where SHA256(token_id || u64be nonce) begins with <bits> zero bits
//   credential := L402 <base64 of the macaroon with that caveat>:POW
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/crypto/hash.hpp"
#include "common/l402/identifier.hpp"
#include "common/macaroon/macaroon.hpp"

namespace millrace::l402 {

struct WorkTask {
    macaroon::Macaroon macaroon;
    TokenId token_id;
    unsigned bits = 0;
};

[[nodiscard]] std::string work_line(std::string_view token_base64, unsigned bits);

// The first such challenge among the WWW-Authenticate values of a response; empty where there is none that can be read.
[[nodiscard]] std::optional<WorkTask> parse_work(std::span<const std::string> www_authenticate);

[[nodiscard]] crypto::Digest work_digest(const TokenId& token_id, std::uint64_t nonce);
[[nodiscard]] unsigned leading_zero_bits(const crypto::Digest& digest);

// Looks through nonces from 0 on; empty where none of `tries` is a solution.
[[nodiscard]] std::optional<std::uint64_t> solve_work(const TokenId& token_id, unsigned bits, std::uint64_t tries);

struct WorkSolution {
    unsigned bits = 0;
    std::uint64_t nonce = 0;
    bool operator==(const WorkSolution&) const = default;
};
[[nodiscard]] std::string work_caveat(const WorkSolution& solution);
// One to sixteen hex digits; empty where it is no such caveat.
[[nodiscard]] std::optional<WorkSolution> parse_work_caveat(std::string_view caveat);

// The value of Authorization, once the caveat stands in the macaroon.
[[nodiscard]] std::string work_authorization(const macaroon::Macaroon& solved);
[[nodiscard]] bool is_work_authorization(std::string_view value);
// Errors: malformed_credential, bad_identifier.
[[nodiscard]] Result<macaroon::Macaroon> parse_work_authorization(std::string_view value);

}  // namespace millrace::l402
