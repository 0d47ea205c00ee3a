// Stations on a straight road that broadcast with ns-3's 802.11p at 10 MHz and 6 Mb/s; prints what the run took and what was received.
//
//   ns3_road places.csv SECONDS BYTES HZ MODEL
//
// places.csv has a station a line: its x in metres. BYTES is the length of a frame behind the MAC header. MODEL is
//   range:METRES  whoever is within METRES receives, at full strength
//   table         the channel of the published table: WINNER+ B1, shadowing of 3 dB a pair, its thresholds and frame errors
//   installed     the same path loss, and ns-3's own thresholds and error model
// Output: a line of JSON.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <unordered_map>
#include <vector>

#include "ns3/boolean.h"
#include "ns3/constant-position-mobility-model.h"
#include "ns3/double.h"
#include "ns3/error-rate-model.h"
#include "ns3/mobility-helper.h"
#include "ns3/node-container.h"
#include "ns3/packet-socket-address.h"
#include "ns3/packet-socket-helper.h"
#include "ns3/packet-socket-factory.h"
#include "ns3/propagation-delay-model.h"
#include "ns3/propagation-loss-model.h"
#include "ns3/random-variable-stream.h"
#include "ns3/simulator.h"
#include "ns3/socket.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wifi-mac-helper.h"
#include "ns3/wifi-net-device.h"
#include "ns3/wifi-helper.h"
#include "ns3/yans-wifi-helper.h"

using namespace ns3;

namespace
{

double
BetweenDb(double metres)
{
    double d = std::max(metres, 3.0);
    double free = 47.823 + 20 * std::log10(d);
    double first = 42.402 + 22.7 * std::log10(d);
    double second = 9.639 + 40 * std::log10(d);
    return std::max(free, std::max(first, second));
}

// Path loss of the published table, and a draw of shadowing for each pair that stays.
class RoadLoss : public PropagationLossModel
{
  public:
    static TypeId GetTypeId()
    {
        static TypeId tid = TypeId("RoadLoss").SetParent<PropagationLossModel>();
        return tid;
    }

  private:
    double DoCalcRxPower(double tx, Ptr<MobilityModel> a, Ptr<MobilityModel> b) const override
    {
        auto one = reinterpret_cast<uintptr_t>(PeekPointer(a));
        auto other = reinterpret_cast<uintptr_t>(PeekPointer(b));
        uint64_t hash = std::min(one, other) * 0x9e3779b97f4a7c15 ^ std::max(one, other);
        auto [found, isNew] = m_pairs.try_emplace(hash, 0.f);
        if (isNew)
        {
            found->second = float(BetweenDb(a->GetDistanceFrom(b)) + m_normal->GetValue(0, 9));
        }
        return tx - found->second;
    }

    int64_t DoAssignStreams(int64_t stream) override
    {
        m_normal->SetStream(stream);
        return 1;
    }

    mutable std::unordered_map<uint64_t, float> m_pairs;
    Ptr<NormalRandomVariable> m_normal = CreateObject<NormalRandomVariable>();
};

// The share of frames lost at a ratio of energy per bit to noise, as the table's authors read it; of a whole frame.
class RoadErrors : public ErrorRateModel
{
  public:
    static TypeId GetTypeId()
    {
        static TypeId tid = TypeId("RoadErrors").SetParent<ErrorRateModel>().AddConstructor<RoadErrors>();
        return tid;
    }

    static uint64_t frameBits;

  private:
    double DoGetChunkSuccessRate(WifiMode,
                                 const WifiTxVector&,
                                 double snr,
                                 uint64_t bits,
                                 uint8_t,
                                 WifiPpduField field,
                                 uint16_t) const override
    {
        if (field != WIFI_PPDU_FIELD_DATA)
        {
            return 1;
        }
        // 10 MHz over 6 Mb/s.
        double eb = 10 * std::log10(std::max(snr, 1e-9)) + 10 * std::log10(10.0 / 6.0);
        static const double points[][2] = {{5, 1}, {10, 0.4}, {15, 0.015}, {20, 0.004}, {25, 0.003}, {30, 0.002}, {35, 0.001}};
        double lost = eb <= 5 ? 1 : 0.001;
        for (int i = 0; i + 1 < 7; ++i)
        {
            if (eb > points[i][0] && eb <= points[i + 1][0])
            {
                double part = (eb - points[i][0]) / (points[i + 1][0] - points[i][0]);
                lost = points[i][1] + part * (points[i + 1][1] - points[i][1]);
            }
        }
        return std::pow(1 - lost, double(bits) / double(frameBits));
    }
};

uint64_t RoadErrors::frameBits = 1;
NS_OBJECT_ENSURE_REGISTERED(RoadErrors);

const int STEP_M = 25;
const int STEPS = 21;
std::vector<double> g_x;
std::vector<uint64_t> g_due(STEPS), g_got(STEPS);
std::vector<bool> g_counts;
uint64_t g_sent = 0;
uint64_t g_received = 0;

int
Step(uint32_t a, uint32_t b)
{
    return int(std::lround(std::abs(g_x[a] - g_x[b]) / STEP_M));
}

void
Receive(uint32_t own, Ptr<Socket> socket)
{
    Address from;
    while (Ptr<Packet> packet = socket->RecvFrom(from))
    {
        ++g_received;
        uint8_t bytes[4];
        packet->CopyData(bytes, 4);
        uint32_t sender = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | uint32_t(bytes[3]) << 24;
        int step = Step(own, sender);
        if (g_counts[sender] && step < STEPS)
        {
            ++g_got[step];
        }
    }
}

void
Send(uint32_t own, Ptr<Socket> socket, uint32_t bytes, Time interval)
{
    std::vector<uint8_t> content(bytes);
    for (int i = 0; i < 4; ++i)
    {
        content[i] = uint8_t(own >> (8 * i));
    }
    socket->Send(Create<Packet>(content.data(), bytes));
    ++g_sent;
    if (g_counts[own])
    {
        for (uint32_t other = 0; other < g_x.size(); ++other)
        {
            int step = Step(own, other);
            if (other != own && step < STEPS)
            {
                ++g_due[step];
            }
        }
    }
    Simulator::Schedule(interval, &Send, own, socket, bytes, interval);
}

double
CpuSeconds()
{
    rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

long
ResidentKb()
{
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word)
    {
        if (word == "VmHWM:")
        {
            long kb = 0;
            status >> kb;
            return kb;
        }
    }
    return 0;
}

} // namespace

int
main(int argc, char** argv)
{
    if (argc != 6)
    {
        std::cerr << "usage: ns3_road places.csv SECONDS BYTES HZ range:METRES|table|installed\n";
        return 2;
    }
    std::ifstream places(argv[1]);
    for (double x; places >> x;)
    {
        g_x.push_back(x);
    }
    double seconds = std::stod(argv[2]);
    uint32_t bytes = std::stoul(argv[3]);
    double hz = std::stod(argv[4]);
    std::string model = argv[5];
    if (g_x.size() < 2 || bytes < 4)
    {
        std::cerr << argv[1] << ": expected at least two lines with an x in metres, and at least 4 bytes\n";
        return 2;
    }
    // The ends of the road hear less: their frames do not count for delivery by distance.
    auto ends = std::minmax_element(g_x.begin(), g_x.end());
    for (double x : g_x)
    {
        g_counts.push_back(x > *ends.first + 1000 && x < *ends.second - 1000);
    }

    long before_kb = ResidentKb();
    NodeContainer nodes(g_x.size());
    MobilityHelper mobility;
    mobility.SetMobilityModel("ns3::ConstantPositionMobilityModel");
    mobility.Install(nodes);
    for (uint32_t i = 0; i < g_x.size(); ++i)
    {
        nodes.Get(i)->GetObject<ConstantPositionMobilityModel>()->SetPosition(Vector(g_x[i], 0, 1.5));
    }

    Ptr<YansWifiChannel> channel = CreateObject<YansWifiChannel>();
    channel->SetPropagationDelayModel(CreateObject<ConstantSpeedPropagationDelayModel>());
    YansWifiPhyHelper phy;
    phy.SetChannel(channel);
    phy.Set("ChannelSettings", StringValue("{0, 10, BAND_5GHZ, 0}"));
    phy.Set("TxPowerStart", DoubleValue(23));
    phy.Set("TxPowerEnd", DoubleValue(23));
    if (model.rfind("range:", 0) == 0)
    {
        Ptr<RangePropagationLossModel> range = CreateObject<RangePropagationLossModel>();
        range->SetAttribute("MaxRange", DoubleValue(std::stod(model.substr(6))));
        channel->SetPropagationLossModel(range);
    }
    else
    {
        channel->SetPropagationLossModel(CreateObject<RoadLoss>());
        if (model == "table")
        {
            // MAC header, check sum, LLC: as the receiver decodes it.
            RoadErrors::frameBits = (bytes + 36) * 8;
            phy.SetErrorRateModel("RoadErrors");
            // ns-3 takes 3 dB off for 10 MHz: its threshold is that of 20 MHz.
            phy.Set("RxSensitivity", DoubleValue(-85 + 3.01));
            phy.Set("CcaSensitivity", DoubleValue(-85));
            phy.Set("CcaEdThreshold", DoubleValue(-65));
            phy.Set("RxNoiseFigure", DoubleValue(-95 + 103.97));
            phy.DisablePreambleDetectionModel();
        }
    }
    WifiHelper wifi;
    wifi.SetStandard(WIFI_STANDARD_80211p);
    // Without the last, the helper sends broadcast frames at 3 Mb/s.
    wifi.SetRemoteStationManager("ns3::ConstantRateWifiManager",
                                 "DataMode",
                                 StringValue("OfdmRate6MbpsBW10MHz"),
                                 "ControlMode",
                                 StringValue("OfdmRate6MbpsBW10MHz"),
                                 "NonUnicastMode",
                                 StringValue("OfdmRate6MbpsBW10MHz"));
    WifiMacHelper mac;
    mac.SetType("ns3::AdhocWifiMac");
    NetDeviceContainer devices = wifi.Install(phy, mac, nodes);
    WifiHelper::AssignStreams(devices, 1000);

    PacketSocketHelper sockets;
    sockets.Install(nodes);
    Ptr<UniformRandomVariable> uniform = CreateObject<UniformRandomVariable>();
    Time interval = Seconds(1 / hz);
    for (uint32_t i = 0; i < nodes.GetN(); ++i)
    {
        PacketSocketAddress address;
        address.SetSingleDevice(devices.Get(i)->GetIfIndex());
        address.SetPhysicalAddress(devices.Get(i)->GetBroadcast());
        address.SetProtocol(0x88b5);
        Ptr<Socket> socket = Socket::CreateSocket(nodes.Get(i), PacketSocketFactory::GetTypeId());
        socket->Bind(address);
        socket->Connect(address);
        socket->SetRecvCallback(Callback<void, Ptr<Socket>>([i](Ptr<Socket> s) { Receive(i, s); }));
        Simulator::Schedule(Seconds(uniform->GetValue(0, 1 / hz)), &Send, i, socket, bytes, interval);
    }

    double cpu = CpuSeconds();
    Simulator::Stop(Seconds(seconds));
    Simulator::Run();
    cpu = CpuSeconds() - cpu;
    long kb = ResidentKb() - before_kb;
    std::printf("{\"stations\":%zu,\"seconds\":%g,\"sent\":%lu,\"received\":%lu,\"cpu_s\":%.3f,\"kb_a_station\":%.1f,\"delivery\":[",
                g_x.size(),
                seconds,
                (unsigned long)g_sent,
                (unsigned long)g_received,
                cpu,
                double(kb) / double(g_x.size()));
    for (int i = 0; i < STEPS; ++i)
    {
        std::printf("%s%.4f", i ? "," : "", g_due[i] ? double(g_got[i]) / double(g_due[i]) : 0.0);
    }
    std::printf("]}\n");
    Simulator::Destroy();
    return 0;
}
