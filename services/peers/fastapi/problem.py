"""Errors as RFC 9457 problem documents. The status says what kind of problem it is."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from store import StoreError


def install(app: FastAPI, bad_request: str) -> None:
    """Makes every error of `app` one. `bad_request` says what a request must look like."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        match error.status_code:
            case 404:
                return problem(request, 404, "there is no such route; GET /docs lists them")
            case 405:
                what = f"this route does not take {request.method}"
                # Starlette lists them in no order.
                takes = ",".join(sorted((error.headers or {})["Allow"].split(", ")))
                detail = f"{what}; the header Allow lists what it takes"
                return problem(request, 405, detail, allow=takes)
            case status:
                return problem(request, status, error.detail)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, _: RequestValidationError) -> JSONResponse:
        return problem(request, 400, bad_request)

    @app.exception_handler(StoreError)
    async def not_counted(request: Request, error: StoreError) -> JSONResponse:
        return problem(request, error.status, str(error))

    @app.exception_handler(Exception)
    async def failed(request: Request, _: Exception) -> JSONResponse:
        return problem(request, 500, "the service failed; its log says why")


def problem(request: Request, status: int, detail: str, **headers: str) -> JSONResponse:
    """A problem with this request."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.scope["raw_path"].decode("latin-1"),
    }
    return JSONResponse(document, status, headers, "application/problem+json")
