using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.Weights;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"coppice-{Guid.NewGuid():N}.safetensors");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void What_was_written_is_read_back()
    {
        using (var writer = new SafetensorsWriter(_path, [("x.\"é\"", SafetensorsType.F32, [2, 3]), ("empty", SafetensorsType.I64, [0]),
            ("y", SafetensorsType.U8, [5])],
            new Dictionary<string, string> { ["format"] = "pt" }))
        {
            writer.Write<float>([1, 2, 3, 4]);
            writer.Write<float>([5, 6]);
            writer.Write<byte>([7, 8, 9, 10, 11]);
            Assert.False(File.Exists(_path));
            writer.Complete();
        }
        using var file = SafetensorsFile.Open(_path);
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal(6f, BitConverter.ToSingle(file.Bytes(file.Tensors["x.\"é\""], 20, 4)));
        Assert.Equal(0, file.Tensors["empty"].Bytes);
        Assert.Equal([7, 8, 9, 10, 11], file.Bytes(file.Tensors["y"]).ToArray());
        Assert.False(File.Exists(_path + ".partial"));
    }

    [Fact]
    public void Too_many_or_too_few_bytes_and_impossible_declarations_are_errors_and_leave_no_file()
    {
        using (var writer = new SafetensorsWriter(_path, [("x", SafetensorsType.F32, [1])]))
        {
            Assert.Throws<InvalidOperationException>(() => writer.Write<float>([1, 2]));
            Assert.Throws<InvalidOperationException>(writer.Complete);
        }
        Assert.Throws<ArgumentException>(() => new SafetensorsWriter(_path,
            [("x", SafetensorsType.F32, [1]), ("x", SafetensorsType.F32, [1])]));
        Assert.Throws<ArgumentException>(() => new SafetensorsWriter(_path, [("x", SafetensorsType.F32, [-1])]));
        Assert.Throws<ArgumentException>(() => new SafetensorsWriter(_path, [("x", SafetensorsType.F32, [1L << 62, 4])]));
        Assert.False(File.Exists(_path));
        Assert.False(File.Exists(_path + ".partial"));
    }
}
