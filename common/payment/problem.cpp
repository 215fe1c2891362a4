#include "common/payment/problem.hpp"

#include <cstddef>

#define MILLRACE_PROBLEMS "https://paymentauth.org/problems/"

namespace millrace::payment {
namespace {

// By the values of Problem.
constexpr ProblemText texts[] = {
    {MILLRACE_PROBLEMS "payment-required", "Payment Required", 402},
    {MILLRACE_PROBLEMS "payment-insufficient", "Payment Insufficient", 402},
    {MILLRACE_PROBLEMS "payment-expired", "Payment Expired", 402},
    {MILLRACE_PROBLEMS "invalid-challenge", "Invalid Challenge", 402},
    {MILLRACE_PROBLEMS "lightning/invalid-preimage", "Invalid Preimage", 402},
    {MILLRACE_PROBLEMS "malformed-credential", "Malformed Credential", 402},
    {MILLRACE_PROBLEMS "method-unsupported", "Payment Method Unsupported", 400},
    {MILLRACE_PROBLEMS "lightning/malformed-credential", "Malformed Credential", 402},
    {MILLRACE_PROBLEMS "lightning/unknown-challenge", "Unknown Challenge", 402},
    {MILLRACE_PROBLEMS "lightning/challenge-expired", "Challenge Expired", 402},
    {MILLRACE_PROBLEMS "lightning/session-not-found", "Session Not Found", 402},
    {MILLRACE_PROBLEMS "lightning/session-closed", "Session Closed", 402},
    {MILLRACE_PROBLEMS "lightning/insufficient-balance", "Insufficient Balance", 402},
    {MILLRACE_PROBLEMS "lightning/invalid-return-invoice", "Invalid Return Invoice", 402},
    {MILLRACE_PROBLEMS "verification-failed", "Verification Failed", 402},
};

}  // namespace

const ProblemText& text(Problem problem) {
    return texts[static_cast<std::size_t>(problem)];
}

}  // namespace millrace::payment
