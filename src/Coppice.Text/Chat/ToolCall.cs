using System.Text.Json;

namespace Coppice.Text;

/// <summary>A model's wish that a function be called.</summary>
/// <param name="Id">Names the call in the message with its result.</param>
/// <param name="Name">The function.</param>
/// <param name="Arguments">A JSON object, or what the model wrote in place of one.</param>
public sealed record ToolCall(string Id, string Name, string Arguments)
{
    /// <summary>Whether <see cref="Arguments"/> are a JSON object.</summary>
    public bool IsWellFormed => TryArguments(out _);

    /// <summary>Reads <see cref="Arguments"/>; an unpaired surrogate in them is read as U+FFFD.</summary>
    /// <param name="arguments">The JSON object; undefined where they are none.</param>
    /// <returns>False where they are no JSON object.</returns>
    public bool TryArguments(out JsonElement arguments)
    {
        if (JsonText.TryParse(Arguments, out arguments) && arguments.ValueKind == JsonValueKind.Object) return true;
        arguments = default;
        return false;
    }
}
