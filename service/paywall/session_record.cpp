#include "service/paywall/session_record.hpp"

namespace millrace::paywall {

std::string_view name(RefundProgress progress) {
    switch (progress) {
        case RefundProgress::none:
            return "";
        case RefundProgress::pending:
            return "pending";
        case RefundProgress::succeeded:
            return "succeeded";
        case RefundProgress::failed:
            return "failed";
        case RefundProgress::skipped:
            return "skipped";
    }
    return "";
}

std::string_view name(ClosedBy who) {
    switch (who) {
        case ClosedBy::client:
            return "client";
        case ClosedBy::idle:
            return "idle";
        case ClosedBy::operator_:
            return "operator";
    }
    return "";
}

}  // namespace millrace::paywall
