// Text that must not be shown: it has no operator<<, is not part of any message, and is wiped when it goes.
#pragma once

#include <openssl/crypto.h>

#include <string>

namespace millrace::config {

class SecretText {
  public:
    SecretText() = default;
    explicit SecretText(std::string text) : text_(std::move(text)) {}
    SecretText(const SecretText&) = default;
    SecretText& operator=(const SecretText&) = default;
    ~SecretText() { OPENSSL_cleanse(text_.data(), text_.size()); }

    // For where it must go, such as a header field.
    [[nodiscard]] const std::string& reveal() const { return text_; }
    bool operator==(const SecretText&) const = default;

  private:
    std::string text_;
};

}  // namespace millrace::config
