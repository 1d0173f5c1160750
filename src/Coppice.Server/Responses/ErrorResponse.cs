using Coppice.Server.Http;

namespace Coppice.Server.Responses;

/// <summary>{"error": {...}}.</summary>
internal sealed record ErrorResponse(ErrorBody Error)
{
    public static ErrorResponse Of(ApiException error) => new(new ErrorBody(error.Message, error.Type, error.Field, error.Code));
}

/// <summary>What is wrong, the kind of it, the field, and a name for programs.</summary>
internal sealed record ErrorBody(string Message, string Type, string? Param, string? Code);
