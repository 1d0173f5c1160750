using System.Text.Json;

namespace Coppice.Cli;

/// <summary>One text to be embedded.</summary>
internal sealed record EmbedRequest(JsonElement? Id, string Text)
{
    /// <summary>Reads a line of a JSON lines file.</summary>
    /// <exception cref="CommandException">It has no text, an unknown key or a wrong value.</exception>
    public static EmbedRequest Read(JsonLine line)
    {
        line.Refuse("id", "text");
        return new EmbedRequest(line.Id, line.Text("text") ?? throw line.Wrong("must have a \"text\", found none."));
    }
}
