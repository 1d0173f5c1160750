using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Endpoints;

/// <summary>A request that was let in.</summary>
/// <param name="Http">The request and its answer.</param>
/// <param name="Scope">Whose it is.</param>
/// <param name="Cancellation">The client has gone, or the server stops.</param>
internal sealed record ApiCall(HttpContext Http, CacheScope Scope, CancellationToken Cancellation);
