#include "service/paywall/charging.hpp"

namespace millrace::paywall {

bool is_charged(const Fate& fate) {
    switch (fate.came) {
        case Came::head:
            return fate.status < 500;
        case Came::client_left:
            return fate.sent == Sent::whole;
        case Came::nothing:
        case Came::client_erred:
            return false;
    }
    return false;
}

bool gives_back(const UnsentBytes& bytes) {
    return bytes.safe_method || !bytes.client_left || bytes.sent > 0;
}

bool takes_held(bool client_left, std::chrono::steady_clock::duration client_waited) {
    return client_left || client_waited >= patience_with_client;
}

}  // namespace millrace::paywall
