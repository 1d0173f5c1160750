namespace Coppice.Text.Decoders;

/// <summary>Collects a running text and rewrites it when it is complete.</summary>
internal sealed class WholeText : DecoderRun
{
    private readonly System.Text.StringBuilder _text = new();
    private readonly Func<string, string> _map;

    public WholeText(Func<string, string> map) => _map = map;

    public override void Push(ReadOnlySpan<char> token) => _text.Append(token);

    public override void End()
    {
        Emit(_map(_text.ToString()));
        base.End();
    }
}
