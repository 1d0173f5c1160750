namespace Coppice.Cli;

/// <summary>A prompt that a label follows.</summary>
/// <param name="Line">Where it was read; null for that of the command line.</param>
/// <param name="Prompt">The prompt.</param>
/// <param name="Label">The label that is right; null where it is not known.</param>
internal sealed record CalibrateRequest(JsonLine? Line, string Prompt, string? Label)
{
    /// <summary>Reads a line of a JSON lines file.</summary>
    /// <exception cref="CommandException">It has no prompt, an unknown key or a wrong value.</exception>
    public static CalibrateRequest Read(JsonLine line)
    {
        line.Refuse("id", "prompt", "label");
        return new CalibrateRequest(line, line.Text("prompt") ?? throw line.Wrong("must have a \"prompt\"."), line.Text("label"));
    }
}
