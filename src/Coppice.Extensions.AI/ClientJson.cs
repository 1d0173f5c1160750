using System.Text.Json.Serialization;

namespace Coppice.Extensions.AI;

/// <summary>What is read and written as JSON, without reflection.</summary>
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(Dictionary<string, object?>))]
internal sealed partial class ClientJson : JsonSerializerContext;
