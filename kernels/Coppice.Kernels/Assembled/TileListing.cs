using System.Globalization;
using System.Text;
using Iced.Intel;

namespace Coppice.Kernels.Assembled;

/// <summary>The assembled kernels as text, for people who want to read them or to count their instructions.</summary>
/// <param name="Name">As in profiles, such as "tile_bf16_12x2".</param>
/// <param name="Instructions">What the processor must have.</param>
/// <param name="CodeBytes">Bytes of machine code.</param>
/// <param name="Text">A line for each instruction: offset, bytes, and the instruction in Intel's notation.</param>
internal sealed record TileListing(string Name, string Instructions, int CodeBytes, string Text)
{
    /// <summary>All of them, for the calling convention of this system. Works on every machine: nothing is run.</summary>
    internal static IEnumerable<TileListing> All() =>
        from kind in TileKinds.All
        from shape in TileKernels.Shapes(kind)
        let code = TileKernels.Assemble(kind, shape.Rows, shape.Panels, OperatingSystem.IsWindows())
        select new TileListing(
            TileKernels.NameOf(kind, shape.Rows, shape.Panels), kind.Instructions(), code.Length, Disassemble(code));

    private static string Disassemble(byte[] code)
    {
        var text = new StringBuilder();
        var decoder = Iced.Intel.Decoder.Create(64, new ByteArrayCodeReader(code));
        var formatter = new NasmFormatter();
        var output = new StringOutput();
        while (decoder.IP < (ulong)code.Length)
        {
            var at = (int)decoder.IP;
            var instruction = decoder.Decode();
            formatter.Format(instruction, output);
            text.Append(CultureInfo.InvariantCulture,
                $"{at:x4}  {Convert.ToHexStringLower(code, at, instruction.Length),-24}  {output.ToStringAndReset()}\n");
        }
        return text.ToString();
    }
}
