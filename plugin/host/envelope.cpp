#include "plugin/host/envelope.hpp"

#include <cstring>

#include "common/json/raw.hpp"

namespace millrace::host {

std::optional<Envelope> scan_envelope(std::string_view message) {
    json::Scanner scanner(message);
    if (!scanner.take('{')) return std::nullopt;
    Envelope found;
    while (found.id.empty() || found.method.empty()) {
        const std::string_view key = scanner.value();
        if (key.size() < 2 || key.front() != '"' || !scanner.take(':')) break;
        const std::string_view value = scanner.value();
        if (value.empty()) break;
        if (key == "\"id\"") {
            found.id = value;
        } else if (key == "\"method\"" && value.size() > 2 && value.front() == '"') {
            found.method = value.substr(1, value.size() - 2);
        }
        if (!scanner.take(',')) break;
    }
    if (found.method.empty()) return std::nullopt;
    return found;
}

bool lacks_payment_secret(std::string_view message) {
    static constexpr std::string_view name = "\"payment_secret\"";
    return memmem(message.data(), message.size(), name.data(), name.size()) == nullptr;
}

}  // namespace millrace::host
