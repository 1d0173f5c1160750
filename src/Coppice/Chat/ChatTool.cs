using System.Text.Json;

namespace Coppice;

/// <summary>A function that a model may call.</summary>
public sealed record ChatTool
{
    /// <summary>A function.</summary>
    /// <param name="name">Its name: letters, digits, underscores, hyphens and dots.</param>
    /// <param name="description">What it does, for the model; null for nothing.</param>
    /// <param name="parameters">A JSON Schema of the object of its arguments; null for no arguments.</param>
    /// <exception cref="ArgumentException">
    /// The name is empty or has other characters, or the schema is no object or no valid text.
    /// </exception>
    public ChatTool(string name, string? description = null, JsonElement? parameters = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.'))
            throw new ArgumentException($"tool: a name must have letters, digits, '_', '-' and '.' alone, got \"{name}\".", nameof(name));
        if (parameters is { ValueKind: not JsonValueKind.Object } other)
            throw new ArgumentException($"tool {name}: parameters must be a JSON object, got {other.ValueKind}.", nameof(parameters));
        if (parameters is { } schema && !IsText(schema))
            throw new ArgumentException($"tool {name}: parameters must be valid text, found half a pair of surrogates.",
                nameof(parameters));
        (Name, Description, Parameters) = (name, description, parameters);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }
    /// <summary>What it does, for the model; null where nothing says it.</summary>
    public string? Description { get; }
    /// <summary>A JSON Schema of the object of its arguments; null for no arguments.</summary>
    public JsonElement? Parameters { get; }
    /// <summary>
    /// Whether the arguments that the model writes are held to <see cref="Parameters"/>; true by default. A schema that cannot be enforced
    /// is refused; false leaves the arguments to the model.
    /// </summary>
    public bool IsStrict { get; init; } = true;

    private static bool IsText(JsonElement json)
    {
        using var writer = new Utf8JsonWriter(Stream.Null);
        try
        {
            json.WriteTo(writer);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
