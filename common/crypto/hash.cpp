// OpenSSL 3 marks its low-level SHA-256 as deprecated in favour of EVP, whose set-up costs several times the hash of the
// short inputs that a credential consists of.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "common/crypto/hash.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <memory>
#include <stdexcept>

namespace millrace::crypto {
namespace {

constexpr std::size_t block_size = 64;  // of SHA-256, bytes

// HMAC by hand over OpenSSL's SHA-256: RFC 2104 is two hashes, and EVP_MAC's set-up costs more than both of them.
class Hmac {
  public:
    explicit Hmac(ByteView key) {
        std::array<std::uint8_t, block_size> pad{};
        if (key.size() > block_size) {
            const Digest hashed = sha256(key);
            std::copy(hashed.begin(), hashed.end(), pad.begin());
        } else {
            std::copy(key.begin(), key.end(), pad.begin());
        }
        for (std::uint8_t& byte : pad) byte ^= 0x36;
        SHA256_Init(&inner_);
        SHA256_Update(&inner_, pad.data(), pad.size());
        for (std::uint8_t& byte : pad) byte ^= 0x36 ^ 0x5c;
        SHA256_Init(&outer_);
        SHA256_Update(&outer_, pad.data(), pad.size());
        OPENSSL_cleanse(pad.data(), pad.size());
    }
    ~Hmac() {
        OPENSSL_cleanse(&inner_, sizeof inner_);
        OPENSSL_cleanse(&outer_, sizeof outer_);
    }
    Hmac(const Hmac&) = delete;
    Hmac& operator=(const Hmac&) = delete;

    void update(ByteView data) { SHA256_Update(&inner_, data.data(), data.size()); }
    Digest finish() {
        Digest out;
        SHA256_Final(out.data(), &inner_);
        SHA256_Update(&outer_, out.data(), out.size());
        SHA256_Final(out.data(), &outer_);
        return out;
    }

  private:
    SHA256_CTX inner_;
    SHA256_CTX outer_;
};

}  // namespace

Digest sha256(ByteView data) {
    // SHA256() itself goes through EVP.
    Digest out;
    SHA256_CTX state;
    SHA256_Init(&state);
    SHA256_Update(&state, data.data(), data.size());
    SHA256_Final(out.data(), &state);
    return out;
}

Digest hmac_sha256(ByteView key, ByteView data) {
    Hmac mac(key);
    mac.update(data);
    return mac.finish();
}

Digest hmac_sha256(ByteView key, ByteView first, ByteView second) {
    Hmac mac(key);
    mac.update(first);
    mac.update(second);
    return mac.finish();
}

PaymentHash payment_hash(const Preimage& preimage) {
    return PaymentHash(sha256(preimage.reveal()));
}

SecretKey derive_key(const SecretKey& key, std::string_view info) {
    // RFC 5869 with an empty salt and one block of output: T(1) = HMAC(PRK, info || 0x01).
    static constexpr std::array<std::uint8_t, 32> no_salt{};
    static constexpr std::array<std::uint8_t, 1> first_block = {1};
    Digest prk = hmac_sha256(no_salt, key.reveal());
    Digest out = hmac_sha256(prk, as_bytes(info), first_block);
    const SecretKey derived(out);
    OPENSSL_cleanse(prk.data(), prk.size());
    OPENSSL_cleanse(out.data(), out.size());
    return derived;
}

void chacha20_xor(const SecretKey& key, const std::array<std::uint8_t, 12>& nonce, std::span<std::uint8_t> data) {
    // OpenSSL's 16-byte iv is the 32-bit little-endian block counter and the nonce.
    std::array<std::uint8_t, 16> iv{};
    std::copy(nonce.begin(), nonce.end(), iv.begin() + 4);
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                  &EVP_CIPHER_CTX_free);
    int written = 0;
    if (!context || EVP_EncryptInit_ex(context.get(), EVP_chacha20(), nullptr, key.reveal().data(), iv.data()) != 1 ||
        EVP_EncryptUpdate(context.get(), data.data(), &written, data.data(), static_cast<int>(data.size())) != 1) {
        throw std::runtime_error("ChaCha20 failed in OpenSSL");
    }
}

void fill_random(std::span<std::uint8_t> out) {
    if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1)
        throw std::runtime_error("the system gives no randomness");
}

bool equal_constant_time(ByteView left, ByteView right) {
    return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace millrace::crypto
