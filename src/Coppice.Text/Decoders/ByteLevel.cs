using System.Text;
using Coppice.Text.Unicode;

namespace Coppice.Text.Decoders;

/// <summary>
/// Turns the letters of the byte alphabet back into bytes and these into text. A token with any other character stands for its own UTF-8.
/// Bytes that are not UTF-8 become U+FFFD, one for each maximal part; a character that is not complete yet is held back.
/// </summary>
internal sealed class ByteLevel : DecoderStage
{
    /// <inheritdoc/>
    public override bool Fuses => true;

    /// <inheritdoc/>
    public override DecoderRun NewRun(bool fused) => fused ? new WholeText(text => Encoding.UTF8.GetString(Bytes(text))) : new Run();

    /// <inheritdoc/>
    public override string Middle(string token) => Encoding.UTF8.GetString(Bytes(token));

    /// <inheritdoc/>
    public override byte[] MiddleBytes(string token) => Bytes(token);

    private static byte[] Bytes(string token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
            if (!ByteAlphabet.TryByte(token[i], out bytes[i])) return Encoding.UTF8.GetBytes(token);
        return bytes;
    }

    private sealed class Run : DecoderRun
    {
        private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

        public override void Push(string token)
        {
            var bytes = Bytes(token);
            Emit(Text(bytes, flush: false));
        }

        public override void End()
        {
            Emit(Text([], flush: true));
            base.End();
        }

        private string Text(ReadOnlySpan<byte> bytes, bool flush)
        {
            // Up to three bytes may wait inside the decoder; each may become one U+FFFD.
            var most = bytes.Length + 4;
            Span<char> letters = most <= 256 ? stackalloc char[most] : new char[most];
            return new string(letters[.._decoder.GetChars(bytes, letters, flush)]);
        }
    }
}
