// Runs a target without libFuzzer, as an ordinary test: over the files of its corpus, and then over
// so many inputs made of them, always the same ones.
//
//   NAME_fuzzer [--made=COUNT] FOLDER ...
//
// An input that ends it is left in the working directory as NAME_fuzzer.found.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::basic_string<std::uint8_t>;

const Input* current = nullptr;
std::string found_path;

/// In a signal handler.
void keep_input(int signal) {
    const int file = ::open(found_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    [[maybe_unused]] const ssize_t written = ::write(file, current->data(), current->size());
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

void try_input(const Input& input) {
    current = &input;
    // A copy of its own size, so that a sanitizer sees a step beyond its end.
    const std::vector<std::uint8_t> bytes{input.begin(), input.end()};
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::vector<Input> corpus_in(const std::vector<std::string>& folders) {
    std::vector<std::string> paths;
    for (const std::string& folder : folders) {
        for (const auto& entry : std::filesystem::directory_iterator{folder}) {
            paths.push_back(entry.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    std::vector<Input> inputs;
    for (const std::string& path : paths) {
        std::ifstream file{path, std::ios::binary};
        const std::string text{std::istreambuf_iterator<char>{file}, {}};
        inputs.emplace_back(text.begin(), text.end());
    }
    return inputs;
}

/// An input changed in a few places: bytes that are others, are missing, are there twice, or come
/// from another input.
Input changed(const std::vector<Input>& corpus, std::mt19937& random) {
    constexpr auto kBytes = std::to_array<std::uint8_t>(
        {0, 1, '\n', '\r', ' ', '"', '%', '=', ':', '-', '\\', '0', '9', 0x7f, 0x80, 0xc2, 0xff});
    const auto below = [&random](std::size_t limit) {
        return static_cast<std::ptrdiff_t>(limit == 0 ? 0 : random() % limit);
    };
    Input input = corpus[static_cast<std::size_t>(below(corpus.size()))];
    for (std::ptrdiff_t changes = 1 + below(4); changes > 0; --changes) {
        const auto at = input.begin() + below(input.size());
        const auto length = std::min<std::ptrdiff_t>(1 + below(16), input.end() - at);
        const Input& other = corpus[static_cast<std::size_t>(below(corpus.size()))];
        switch (random() % 5) {
            case 0:
                input.insert(at, kBytes[static_cast<std::size_t>(below(kBytes.size()))]);
                break;
            case 1:
                input.erase(at, at + length);
                break;
            case 2:
                input.insert(static_cast<std::size_t>(at - input.begin()), Input{at, at + length});
                break;
            case 3:
                input.erase(at, input.end());
                input += other.substr(static_cast<std::size_t>(below(other.size())));
                break;
            default:
                if (at != input.end()) {
                    *at = static_cast<std::uint8_t>(random());
                }
                break;
        }
    }
    return input;
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t made = 0;
    std::vector<std::string> folders;
    for (const std::string& argument : std::vector<std::string>{argv + 1, argv + argc}) {
        constexpr std::string_view kMade = "--made=";
        if (argument.starts_with(kMade)) {
            made = std::strtoul(argument.c_str() + kMade.size(), nullptr, 10);
        } else {
            folders.push_back(argument);
        }
    }
    found_path = std::filesystem::path{argv[0]}.filename().string() + ".found";
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM}) {
        ::signal(signal, keep_input);
    }
    const std::vector<Input> corpus = corpus_in(folders);
    for (const Input& input : corpus) {
        try_input(input);
    }
    std::mt19937 random{1};
    for (std::size_t count = 0; count < made && !corpus.empty(); ++count) {
        try_input(changed(corpus, random));
    }
    std::printf("%zu files, %zu inputs made of them\n", corpus.size(), made);
    return corpus.empty() ? 1 : 0;
}
