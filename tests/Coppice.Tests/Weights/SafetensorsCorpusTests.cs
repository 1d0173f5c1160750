using System.Buffers.Binary;
using System.Text;
using Coppice.Weights;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Weights;

/// <summary>Hostile safetensors files: each gives one CheckpointException, which says what is wrong where.</summary>
public sealed class SafetensorsCorpusTests : IDisposable
{
    private const string Good =
        """{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[16,24]}}""";

    private static readonly byte[] Special = [.. "\"{}[],:9-"u8, 0, 255];

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"coppice-{Guid.NewGuid():N}.safetensors");

    public void Dispose() => File.Delete(_path);

    /// <summary>Header, bytes of data, and a word of the message.</summary>
    public static TheoryData<string, int, string> Headers => new()
    {
        { "", 0, "JSON" },
        { "{", 0, "JSON" },
        { "[]", 0, "object" },
        { "null", 0, "object" },
        { "{} x", 0, "JSON" },
        { "{}{}", 0, "JSON" },
        { "{}", 4, "cover" },
        { """{"a":5}""", 0, "object" },
        { """{"a":{}}""", 0, "dtype" },
        { """{"a":{"dtype":"F32","shape":[0]}}""", 0, "data_offsets" },
        { """{"a":{"dtype":"F32","data_offsets":[0,0]}}""", 0, "shape" },
        { """{"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}}""", 4, "dtype" },
        { """{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}""", 4, "F31" },
        { """{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}""", 4, "f32" },
        { """{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", 4, "shape" },
        { """{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "-1" },
        { """{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "1.5" },
        { """{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "String" },
        { """{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}""", 4, "99999999999999999999" },
        { """{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "2^63" },
        { """{"a":{"dtype":"F32","shape":[2147483648,2147483648,4],"data_offsets":[0,0]}}""", 0, "2^63" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "two" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", 4, "two" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "ascend" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", 4, "-4" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "8 bytes" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}""", 8, "4 bytes" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "whole" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5, "cover" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "cover" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", 6, "inside" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "inside" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12, "cover" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "once" },
        { """{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}""", 4, "once" },
        { """{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}""", 4, "once" },
        { """{"__metadata__":{"x":1}}""", 0, "string" },
        { """{"__metadata__":{"x":"1","x":"2"}}""", 0, "once" },
        { """{"__metadata__":{},"__metadata__":{}}""", 0, "once" },
        { """{"__metadata__":[]}""", 0, "object" },
        { "{\"a\\ud800\":{}}", 0, "JSON" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":[[[[[[[[[[1]]]]]]]]]]}}", 4, "JSON" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "at most" },
    };

    [Theory, MemberData(nameof(Headers))]
    public void A_bad_header_is_one_clear_error(string header, int dataBytes, string word)
    {
        var error = Assert.Throws<CheckpointException>(() => Open(Bytes(Encoding.UTF8.GetBytes(header), dataBytes)));
        Assert.Contains(Path.GetFileName(_path), error.Message, StringComparison.Ordinal);
        Assert.Contains(word, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[0], "8 bytes")]
    [InlineData(new byte[] { 2, 0, 0, 0, 0, 0, 0 }, "8 bytes")]
    [InlineData(new byte[] { 2, 0, 0, 0, 0, 0, 0, 0 }, "inside the file")]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255 }, "at most")]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 128, 1 }, "at most")]
    [InlineData(new byte[] { 2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe }, "UTF-8")]
    public void A_bad_start_is_one_clear_error(byte[] bytes, string word) =>
        Assert.Contains(word, Assert.Throws<CheckpointException>(() => Open(bytes)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_missing_file_and_a_folder_are_checkpoint_errors()
    {
        Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(_path));
        Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(Path.GetTempPath()));
    }

    [Fact]
    public void A_good_file_gives_its_tensors_and_nothing_outside_them()
    {
        using var file = Open(Bytes(Encoding.UTF8.GetBytes(Good + "   "), 24));
        Assert.Equal([2, 2], file.Tensors["a"].Shape);
        Assert.Equal(16, file.Bytes(file.Tensors["a"]).Length);
        Assert.Equal(SafetensorsType.BF16, file.Tensors["b"].Type);
        Assert.Equal([16, 17], file.Bytes(file.Tensors["b"], 0, 2).ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => { file.Bytes(file.Tensors["a"], 1, 16); });
        Assert.Throws<ArgumentOutOfRangeException>(() => { file.Bytes(file.Tensors["a"], -1, 1); });
    }

    /// <summary>Any change of any bytes of a good file gives a good file or a checkpoint error, at once.</summary>
    [Fact]
    public void Mutated_files_give_checkpoint_errors_only()
    {
        var good = Bytes(Encoding.UTF8.GetBytes(Good), 24);
        var interesting = Gen.Frequency((1, Gen.Byte), (2, Gen.Int[0, Special.Length - 1].Select(i => Special[i])));
        var edit = Gen.Select(Gen.Int[0, 3], Gen.Int[0, good.Length - 1], interesting);
        edit.Array[1, 6].Sample(edits =>
        {
            var bytes = new List<byte>(good);
            foreach (var (kind, at, value) in edits)
            {
                var place = Math.Min(at, bytes.Count - 1);
                if (place < 0) break;
                if (kind == 0) bytes.Insert(place, value);
                else if (kind == 1) bytes.RemoveAt(place);
                else if (kind == 2) bytes.RemoveRange(place, bytes.Count - place);
                else bytes[place] = value;
            }
            CheckParses([.. bytes]);
        }, iter: 20_000);
    }

    /// <summary>Offsets and shapes of any size: never an overflow, never an allocation of that size.</summary>
    [Fact]
    public void Random_numbers_in_headers_give_checkpoint_errors_only()
    {
        long[] extremes = [long.MaxValue, int.MaxValue, 1L << 32, 1L << 62];
        var number = Gen.Frequency((1, Gen.Long), (3, Gen.Long[-4, 40]), (1, Gen.Int[0, 3].Select(i => extremes[i])));
        Gen.Select(number.Array[0, 4], number.Array[0, 3], Gen.Int[0, 40]).Sample((shape, offsets, data) =>
        {
            var header = $"{{\"a\":{{\"dtype\":\"F16\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{string.Join(',', offsets)}]}}}}";
            CheckParses(Bytes(Encoding.UTF8.GetBytes(header), data));
        }, iter: 20_000);
    }

    /// <summary>Parses the header as opening a file does, without the file system, and reads every byte it admits.</summary>
    private static void CheckParses(byte[] file)
    {
        if (file.Length < 8) return;
        var length = BinaryPrimitives.ReadUInt64LittleEndian(file);
        if (length > (ulong)(file.Length - 8)) return;
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var data = file.AsSpan(8 + (int)length);
            var header = SafetensorsHeader.Parse("x", file.AsSpan(8, (int)length), data.Length);
            foreach (var entry in header.Tensors.Values) _ = data[(int)entry.Begin..(int)entry.End];
        }
        catch (CheckpointException) { }
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, "parsing a small file must allocate little");
    }

    private SafetensorsFile Open(byte[] bytes)
    {
        File.WriteAllBytes(_path, bytes);
        return SafetensorsFile.Open(_path);
    }

    private static byte[] Bytes(byte[] header, int dataBytes)
    {
        var bytes = new byte[8 + header.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, header.Length);
        header.CopyTo(bytes, 8);
        for (var i = 0; i < dataBytes; i++) bytes[8 + header.Length + i] = (byte)i;
        return bytes;
    }
}
