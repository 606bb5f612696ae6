// SPDX-License-Identifier: BSD-2-Clause
// C++: exceptions, iostream, thread-locals, static construction, containers, locale, chrono, filesystem.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{
struct Tracer {
    std::string name;
    explicit Tracer(std::string n) : name(std::move(n))
    {
        std::cout << "construct " << name << "\n";
    }
    ~Tracer()
    {
        std::cout << "destroy " << name << "\n";
    }
};

Tracer global("global");
thread_local Tracer local("thread-local");

int depth(int n)
{
    Tracer t("frame " + std::to_string(n));
    if (n == 0)
        throw std::runtime_error("thrown from the deep");
    return depth(n - 1) + 1;
}

struct Base {
    virtual ~Base() = default;
    virtual std::string name() const = 0;
};
struct Derived : Base {
    std::string name() const override
    {
        return "derived";
    }
};
} // namespace

int main()
{
    std::cout << "local is " << local.name << "\n";
    try {
        depth(3);
    } catch (const std::exception &e) {
        std::cout << "caught: " << e.what() << "\n";
    }
    try {
        std::vector<int> v(3);
        v.at(10) = 1;
    } catch (const std::out_of_range &) {
        std::cout << "out of range\n";
    }
    try {
        std::make_unique<char[]>(1ul << 62);
    } catch (const std::bad_alloc &) {
        std::cout << "bad_alloc\n";
    }
    std::unique_ptr<Base> b = std::make_unique<Derived>();
    std::cout << b->name() << " " << (dynamic_cast<Derived *>(b.get()) ? "cast" : "no cast") << "\n";
    std::map<std::string, double> m{ { "pi", 3.14159265 }, { "e", 2.71828183 } };
    for (const auto &[k, v] : m)
        std::cout << std::setw(4) << k << std::setprecision(4) << std::fixed << std::setw(10) << v << "\n";
    std::mt19937_64 gen(42);
    std::cout << gen() << "\n";
    std::string text = "2024-01-31 and 1999-12-24";
    std::regex re(R"((\d+)-(\d+)-(\d+))");
    std::cout << std::regex_replace(text, re, "$3.$2.$1") << "\n";
    std::random_device rd;
    std::cout << (rd() != rd() || rd() != rd() ? "random\n" : "not random\n");
    auto t = std::chrono::steady_clock::now();
    std::cout << (std::chrono::steady_clock::now() >= t ? "steady\n" : "unsteady\n");
    namespace fs = std::filesystem;
    fs::create_directories("a/b/c");
    std::ofstream("a/b/file") << "one\ntwo\nthree\n";
    std::ifstream in("a/b/file");
    for (std::string line; std::getline(in, line);)
        std::cout << "[" << line << "]\n";
    std::vector<std::string> names;
    for (const auto &e : fs::recursive_directory_iterator("a"))
        names.push_back(e.path().string());
    std::sort(names.begin(), names.end());
    for (const auto &n : names)
        std::cout << n << "\n";
    std::cout << "removed " << fs::remove_all("a") << "\n";
    try {
        fs::file_size("none");
    } catch (const fs::filesystem_error &e) {
        std::cout << e.code().message() << "\n";
    }
    std::cerr << "on standard error\n";
    return 0;
}
