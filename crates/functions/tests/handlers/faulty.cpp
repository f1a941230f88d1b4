// A handler that goes wrong as its event says.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <aws/lambda-runtime/runtime.h>

using aws::lambda_runtime::invocation_request;
using aws::lambda_runtime::invocation_response;

invocation_response handle(invocation_request const& request)
{
    auto const asked = [&](char const* what) { return request.payload.find(what) != std::string::npos; };
    if (asked("throw")) {
        throw std::runtime_error("nobody catches this");
    }
    if (asked("fail")) {
        return invocation_response::failure("no kettle here", "Teapot", "");
    }
    if (asked("exit")) {
        std::exit(3);
    }
    if (asked("hang")) {
        std::this_thread::sleep_for(std::chrono::minutes{1});
    }
    if (asked("eat")) {
        for (std::vector<std::vector<char>> eaten; eaten.size() < 512;) {
            eaten.emplace_back(1 << 20, 'x');
        }
    }
    if (asked("print")) {
        for (int number = 0; number < 1 << 14; ++number) {
            std::printf("a line of sixty-four characters, with its number %015d\n", number);
        }
        std::fflush(stdout);
    }
    if (asked("malformed")) {
        return invocation_response::success("{\"never\": closed", "application/json");
    }
    return invocation_response::success("\"well\"", "application/json");
}

int main()
{
    aws::lambda_runtime::run_handler(handle);
    return 0;
}
