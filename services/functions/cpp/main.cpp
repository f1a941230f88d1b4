// `hits` as an AWS Lambda function: events in payload format 2.0 (HTTP API and function URL).

#include "function.hpp"

int main()
{
    return hits::run(hits::opener);
}
