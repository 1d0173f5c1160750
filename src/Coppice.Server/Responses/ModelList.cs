namespace Coppice.Server.Responses;

/// <summary>The models of /v1/models.</summary>
internal sealed record ModelList(string Object, IReadOnlyList<ModelEntry> Data);

/// <summary>One model.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Object">"model".</param>
/// <param name="Created">When it was loaded, in seconds since 1970.</param>
/// <param name="OwnedBy">"coppice".</param>
/// <param name="MaxModelLen">Tokens that fit, prompt and generated.</param>
/// <param name="HasChat">Whether it has a chat template.</param>
internal sealed record ModelEntry(string Id, string Object, long Created, string OwnedBy, int MaxModelLen, bool HasChat);

/// <summary>The tokens of a text.</summary>
internal sealed record TokenizeResponse(int Count, int MaxModelLen, IReadOnlyList<int> Tokens);

/// <summary>"ok", or "stopping".</summary>
internal sealed record HealthResponse(string Status);
